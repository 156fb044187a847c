"""What a user did wrong, said in one line."""

import gc
import signal
import sys
from contextlib import contextmanager


class UserError(Exception):
    """A mistake that the user can mend: where, what was expected, what was received, what to do."""


def command(main):
    """Run a command's main function; a user's mistake ends in its message and exit status 1.

    Args:
        main: function without arguments.
    """
    gc.freeze()  # what is imported stays: to look for garbage in it takes long, even at the end
    gc.enable()
    with exit_on_user_error():
        main()


@contextmanager
def exit_on_user_error():
    """End the process with a user's mistake in a line, or after Ctrl-C, if the block does."""
    try:
        yield
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)  # 128 + SIGINT, as shells report it


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
