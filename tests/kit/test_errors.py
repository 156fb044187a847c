"""How a command ends."""

import pytest

from studykit.errors import UserError, command


def test_a_users_mistake_ends_in_its_message():
    def main():
        raise UserError("params.yaml: units: expected a number, received none")

    with pytest.raises(SystemExit) as end:
        command(main)
    assert end.value.code == "error: params.yaml: units: expected a number, received none"


def test_an_interrupted_command_ends_with_the_status_that_shells_expect():
    def main():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        command(main)
    assert end.value.code == 130


def test_a_fault_of_the_program_keeps_its_traceback():
    def main():
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"):
        command(main)
