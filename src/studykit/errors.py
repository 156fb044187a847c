"""What a user did wrong, what a machine refused, and what went wrong without harm: in one line.

No password is in it: neither what an address holds before its @, nor what a variable of the
environment holds, wherever else that is repeated.
"""

import errno
import os
import re
import signal
import sys
import traceback
from contextlib import contextmanager
from io import TextIOWrapper
from urllib.parse import unquote

from studykit.imports import resume_collector

# User and password in an address: up to the last @ before the next slash or blank.
CREDENTIALS = re.compile(r"//[^/\s]*@")
# What an address, or a message of a library, calls a password.
NAMED = re.compile(r"((?:password|passwd|pwd|secret|token)=)[^&\s;'\"]+", re.IGNORECASE)
ADDRESS = "MLFLOW_TRACKING_URI"
SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")  # variables
TOKEN = 16  # characters of a user without a password, from which on it may be a token
SQL = re.compile(r"\s*\[SQL: .*", re.DOTALL)  # with which SQLAlchemy's messages go on
# What a machine refuses, by what the system calls it: what to do about it.
REMEDIES = {
    errno.ENOSPC: "free some space there, then run it again",
    errno.EDQUOT: "free some space there, then run it again",
    errno.EROFS: "make it writable, or work in a copy of the repository",
    errno.EACCES: "give this user the right to, then run it again",
    errno.EPERM: "give this user the right to, then run it again",
    errno.EIO: "the disk is failing: copy what is on it, and work elsewhere",
    errno.EMFILE: "raise `ulimit -n`, then run it again",
    errno.ENFILE: "close other programs, then run it again",
    errno.ENOMEM: "free memory or raise `ulimit -v`, then run it again",
    errno.EAGAIN: "end other processes or raise `ulimit -u`, then run it again",
}
# How libraries say that there is no memory, where they raise what any fault would raise.
NO_MEMORY = re.compile(
    r"cannot allocate memory|failed to map segment|unable to allocate|bad_alloc"
    r"|can't start new thread|OOM when allocating|out of memory",
    re.IGNORECASE,
)


class UserError(Exception):
    """A mistake that the user can mend: where, what was expected, what was received, what to do."""


def command(main):
    """Run a command's main function; a user's mistake ends in its message and exit status 1.

    Args:
        main: function without arguments.
    """
    resume_collector()
    with exit_on_user_error():
        main()


def print_anything():
    """Have standard output take all characters: what its encoding lacks becomes a question mark."""
    # Standard error takes all by itself. A fork's standard output was opened so: see `background`.
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors != "replace":
        sys.stdout.reconfigure(errors="replace")


@contextmanager
def exit_on_user_error():
    """End the process with a user's mistake in a line, or after Ctrl-C, if the block does.

    So it ends where the machine refuses what a program may expect of it, such as room on a disk. A
    fault of the program keeps its traceback, without passwords.
    """
    try:
        yield
    except UserError as error:
        sys.exit(f"error: {hide_passwords(error)}")
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT, as shells report it
    except Exception as error:
        if (refused := machine_fault(error)) is None:
            sys.excepthook = print_traceback
            raise
        sys.exit(f"error: {refused}")


def machine_fault(error):
    """What a machine refuses, in a line with its remedy; None where an error is of another kind."""
    if NO_MEMORY.search(str(error)) or isinstance(error, MemoryError):
        return f"no memory is left: {one_line(error)[:200]}; {REMEDIES[errno.ENOMEM]}"
    if not isinstance(error, OSError) or error.errno not in REMEDIES:
        return None
    where = f"{error.filename}: " if error.filename else ""
    said = error.strerror or str(error)
    return one_line(f"{where}{said}; {REMEDIES[error.errno]}")


def print_traceback(kind, error, trace):
    """Print an exception as Python does, without passwords."""
    text = "".join(traceback.format_exception(kind, error, trace))
    print(hide_passwords(text), end="", file=sys.stderr, flush=True)


def warn(text):
    """Print a warning to standard error, in one line.

    Args:
        text: the warning, or an exception whose message it is.
    """
    print(f"warning: {one_line(text)}", file=sys.stderr, flush=True)


def one_line(text):
    """The words of a text, or of an exception, in one line without passwords and without SQL."""
    for error in (text, getattr(text, "__cause__", None)):
        text = getattr(error, "orig", None) or text  # what a database said, without SQLAlchemy
    said = " ".join(SQL.sub("", str(text)).split())
    return hide_passwords(said or type(text).__name__)


def hide_passwords(text):
    """A text with `***` in place of what is secret in it.

    That are the user and password of each address, what is called a password, and the passwords
    that this process was given by its environment, quoted for an address or not.
    """
    hidden = NAMED.sub(r"\1***", CREDENTIALS.sub("//***@", str(text)))
    for secret in _secrets():
        hidden = hidden.replace(secret, "***")
    return hidden


def _secrets():
    """The passwords in the environment, longest first."""
    found = {os.environ.get(name, "") for name in SECRETS}
    _, _, rest = os.environ.get(ADDRESS, "").partition("//")
    user, _, _ = rest.rpartition("@")  # even where a slash in the password misleads others
    _, has_password, password = user.partition(":")
    if has_password or len(user) >= TOKEN:
        found |= {user, password or user}
    found |= {unquote(each) for each in found}
    return sorted((each for each in found if len(each) > 2), key=len, reverse=True)


@contextmanager
def going_on(refuse, where=""):
    """Say a user's mistake that ends the block in a line, and go on after it.

    Args:
        refuse: called with the UserError; None where it is to be raised.
        where: what the line begins with.
    """
    try:
        yield
    except UserError as error:
        if refuse is None:
            raise
        print(f"error: {where}{one_line(error)}", file=sys.stderr, flush=True)
        refuse(error)


@contextmanager
def uninterrupted():
    """Hold Ctrl-C back until the block is left. For the main thread."""
    pressed = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
