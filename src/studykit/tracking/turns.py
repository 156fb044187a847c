"""`sync` and `prune` take turns: what one removes, the other must not write anew meanwhile."""

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path

from studykit.errors import UserError

FILE = "mlflow.db.prune.lock"  # at the repository's root


@contextmanager
def adding():
    """Keep `prune` out for a block that writes runs from DVC's records; wait while it is in one."""
    with _open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


@contextmanager
def removing():
    """Keep `sync` out for a block that removes runs.

    Raises:
        UserError: it is in one.
    """
    with _open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("prune: expected no sync at work here, found one; wait") from None
        yield


def _open():
    return Path(os.environ.get("DVC_ROOT", "."), FILE).open("w")
