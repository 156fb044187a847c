"""How a command ends, and what is said of an error: in one line, and without passwords."""

import errno
import subprocess
import sys

import pytest

from studykit.errors import UserError, command, hide_passwords, machine_fault, one_line


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


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("http://ann:s3/cret@host", "Failed to parse: http://ann:s3/cret@host/api: cret@host"),
        ("http://ann:s3%20cret@host", "no login of ann with s3 cret or s3%20cret"),
        ("postgresql://host/db?password=s3cret", "no postgresql://host/db?password=s3cret&a=b"),
    ],
)
def test_a_password_of_the_environment_is_hidden_wherever_it_is_repeated(monkeypatch, uri, text):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "0ther")
    shown = hide_passwords(f"{text} 0ther")
    assert not any(secret in shown for secret in ("s3", "0ther"))
    assert "host" in shown or "ann" in shown


def test_a_users_name_is_no_password(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://mlflow@host/db")
    assert hide_passwords("mlflow at postgresql://mlflow@host") == "mlflow at postgresql://***@host"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "models/a"),
            "models/a: No space left on device; free some space there, then run it again",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "made"),
            "made: Read-only file system; make it writable, or work in a copy of the repository",
        ),
        (
            ImportError("libx.so: failed to map segment from shared object"),
            "no memory is left: libx.so: failed to map segment from shared object; free memory or "
            "raise `ulimit -v`, then run it again",
        ),
        (
            MemoryError(),
            "no memory is left: MemoryError; free memory or raise `ulimit -v`, then run it again",
        ),
        (FileNotFoundError(errno.ENOENT, "No such file"), None),
        (ValueError("a fault"), None),
    ],
)
def test_what_a_machine_refuses_is_told_in_a_line_with_its_remedy(error, line):
    assert machine_fault(error) == line


def test_a_command_that_a_machine_refuses_ends_in_that_line():
    def main():
        raise OSError(errno.ENOSPC, "No space left on device", "made")

    with pytest.raises(SystemExit) as end:
        command(main)
    assert end.value.code == (
        "error: made: No space left on device; free some space there, then run it again"
    )
