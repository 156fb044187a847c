"""What a user did wrong, and what went wrong without harm: each said in one line."""

import re
import signal
import sys
from contextlib import contextmanager

from studykit.imports import resume_collector

# User and password in an address: up to the last @ before the next slash or blank.
CREDENTIALS = re.compile(r"//[^/\s]*@")


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


@contextmanager
def exit_on_user_error():
    """End the process with a user's mistake in a line, or after Ctrl-C, if the block does."""
    try:
        yield
    except UserError as error:
        sys.exit(f"error: {hide_passwords(error)}")
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT, as shells report it


def warn(text):
    """Print a warning to standard error, in one line.

    Args:
        text: the warning, or an exception whose message it is.
    """
    print(f"warning: {one_line(text)}", file=sys.stderr, flush=True)


def one_line(text):
    """The words of a text, or of an exception, in one line without passwords."""
    said = " ".join(str(text).split())
    return hide_passwords(said or type(text).__name__)


def hide_passwords(text):
    """A text with `//***@` in place of the user and password of each address."""
    return CREDENTIALS.sub("//***@", str(text))


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
