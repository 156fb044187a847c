"""A stage's connection to its tracker: made before the stage needs it, claimed when its run begins.

The tracker needs seconds to import MLflow. The launcher starts it as early as it can, so that it
imports while the stage imports its own libraries.
"""

import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from studykit import background, processes


@dataclass
class Connection:
    """A connection to a tracker that has not been told of a stage yet.

    Attributes:
        socket: stream of JSON lines in both directions, see `tracker.py`.
        execution: key of the pipeline's execution, see `processes.this_execution`.
        address: socket file at which later stages find the same tracker, or None if it serves this
            stage alone.
    """

    socket: socket.socket
    execution: str
    address: Path | None = None

    def abandon(self):
        """Keep later stages from a tracker that does not answer: they start another one."""
        if self.address is not None:
            with suppress(OSError):
                self.address.unlink(missing_ok=True)


_prepared: list[Connection] = []


def offer(connection):
    """Keep a connection for the run that is about to begin in this process."""
    _prepared.append(connection)


def claim_connection():
    """The connection that was offered; or a new one, to a tracker that serves this stage alone.

    From now on it is the caller's.
    """
    return _prepared.pop() if _prepared else _start_tracker()


def prepare():
    """Start a tracker for the run that is about to begin, unless a connection was offered.

    If there is no run after all, since a parameter is wrong, the tracker has not opened the store.
    """
    if not _prepared:
        offer(_start_tracker())


def _start_tracker():
    ours, theirs = socket.socketpair()
    with theirs, suppress(OSError):  # without a tracker the run ends in a warning
        background.start("studykit.tracking.tracker", connection=theirs)
    return Connection(ours, processes.this_execution())
