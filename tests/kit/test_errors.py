"""How a command ends, and what is said of an error: in one line, and without passwords."""

import subprocess
import sys

import pytest

from studykit.errors import UserError, command, hide_passwords, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "no answer from http://ann:s3cret@host:5000/api",
            "no answer from http://***@host:5000/api",
        ),
        ("postgresql://ann:p@ss:w@rd@host/db failed", "postgresql://***@host/db failed"),
        ("https://t0ken@host/a and s3://u:p@b/c", "https://***@host/a and s3://***@b/c"),
        ("http://host/a@b, mail a@b.org", "http://host/a@b, mail a@b.org"),
    ],
)
def test_an_address_is_shown_without_its_user_and_password(text, shown):
    assert hide_passwords(text) == shown


def test_an_error_is_said_in_one_line_or_by_its_name():
    assert one_line(ValueError("first\n  second http://a:b@c")) == "first second http://***@c"
    assert one_line(TimeoutError()) == "TimeoutError"


def test_a_users_error_is_printed_without_passwords():
    code = (
        "from studykit.errors import UserError, command\n"
        "def main(): raise UserError('http://ann:s3cret@host: expected an answer')\n"
        "command(main)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: http://***@host: expected an answer\n"


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
