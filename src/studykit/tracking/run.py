"""Track a stage's run in MLflow, without waiting for it and without depending on it.

A stage opens a run here and goes on at once. What happens is told, as lines of JSON, to another
process (`tracker.py`), which alone imports MLflow. So a slow or dead tracking server costs no
training, importing MLflow costs no time beside that of the stage's own libraries, and a stage that
is killed still has its run closed: its tracker sees the connection end.
"""

import json
import os
import re
import resource
import socket
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from studykit.errors import UserError, warn
from studykit.tracking import fingerprint
from studykit.tracking.connection import claim_connection

# Seconds to wait at the end of a stage while its tracker makes no progress: a server may be dead,
# but a store on this machine is only busy, as is a tracker that has not yet imported MLflow.
PATIENCE_WITH_A_SERVER = 10
PATIENCE = 60
DIED = "the tracker has died"


@contextmanager
def run(stage):
    """Track the execution of a stage for as long as the block lasts.

    On leaving, parameters, metrics, figures, models and data sets are logged from the inputs and
    outputs that `dvc.yaml` declares for the stage. A tracker that fails is warned about in one
    line; the block's own exceptions pass through, and its run is marked as failed.

    Args:
        stage: its name in `dvc.yaml`.

    Yields:
        Run, to log what can be seen before the outputs are written.

    Raises:
        UserError: what the stage declares has changed meanwhile.
    """
    tracked = Run(stage)
    try:
        yield tracked
        tracked.check()
        _note_origins(tracked.outputs())
        tracked.log_outputs()
        tracked.check()
    except KeyboardInterrupt:
        tracked.tell_end("KILLED")  # and do not wait: the tracker does the rest alone
        raise
    except BaseException:
        tracked.end("FAILED")
        raise
    tracked.end("FINISHED")


def peak_memory():
    """The most memory that this process has held, in bytes; a fork begins with its server's."""
    if (status := Path("/proc/self/status")).exists():
        # What getrusage says begins with the peak of the process that started this one.
        (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        return int(peak) * 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS


class Run:
    """A stage's side of the connection to its tracker."""

    def __init__(self, stage):
        self._stage = stage
        self._began = time.perf_counter()
        self._seconds = None
        self._fingerprint = fingerprint.claim(stage)
        self._connection = claim_connection()
        self._tracker = self._connection.socket
        self._tracker.settimeout(PATIENCE)
        self._messages = self._tracker.makefile(encoding="utf-8")
        self._trouble = None
        self._tell(
            {
                "stage": stage,
                "execution": self._connection.execution,
                "folder": os.getcwd(),
                "environment": {k: v for k, v in os.environ.items() if k.startswith("DVC_")},
                "fingerprint": self._fingerprint and self._fingerprint.as_json(),
            }
        )

    def log_epoch(self, row, **system):
        """Show an epoch's metrics while training goes on.

        Args:
            row: dict of epoch, from 1, and metrics by name.
            system: what varies from one execution to the next, such as a rate: numbers by name.
        """
        self._tell({"epoch": row | {f"system/{name}": value for name, value in system.items()}})

    def check(self):
        """Make sure that what the stage declares is still what it began with.

        Raises:
            UserError: it has changed.
        """
        if self._fingerprint is not None:
            self._fingerprint.check()

    def outputs(self):
        """The paths of the outputs that the stage declares."""
        return self._fingerprint.outputs() if self._fingerprint is not None else []

    def log_outputs(self):
        """Have the outputs logged, which are all written."""
        self._seconds = time.perf_counter() - self._began
        self._tell({"outputs": "written"})
        self._wait_for("logged")

    def end(self, status):
        """Close the run and wait for the tracker, as long as it makes progress.

        Args:
            status: MLflow's word: FINISHED or FAILED.
        """
        self.tell_end(status)
        self._wait_for("done")
        self._messages.close()
        self._tracker.close()
        if self._trouble is not None:
            warn(f"MLflow: {self._trouble}{_advice() if status == 'FINISHED' else ''}")

    def tell_end(self, status):
        """Close the run without waiting for the tracker.

        Args:
            status: MLflow's word: FINISHED, FAILED or KILLED.
        """
        seconds = time.perf_counter() - self._began if self._seconds is None else self._seconds
        peak = peak_memory() / 2**20
        self._tell({"status": status, "seconds": seconds, "peak_memory_mb": peak})

    def _tell(self, event):
        with suppress(OSError):  # it has died, or has given up and said why
            try:
                self._tracker.sendall(json.dumps(event).encode() + b"\n")
            except TimeoutError:  # it does not read, and has half a line
                self._give_up()
                self._tracker.shutdown(socket.SHUT_RDWR)

    def _wait_for(self, word):
        """Pass on what the tracker says until it says a word, unless something has gone wrong."""
        if self._trouble is None:
            try:
                self._trouble = self._listen(word)
            except TimeoutError:
                self._give_up()
            except (OSError, ValueError, TypeError):  # the latter: amid a message
                self._trouble = DIED

    def _give_up(self):
        """Leave the tracker to itself, and later stages to another one."""
        self._connection.abandon()
        patience = self._tracker.gettimeout()
        self._trouble = f"no answer from the tracking store within {patience:g} seconds"

    def _listen(self, word):
        """Pass on messages until one has the word; return what went wrong, or None."""
        for message in map(json.loads, self._messages):
            if word in message:
                return None
            if "warning" in message:
                return message["warning"]
            if "say" in message:
                print(message["say"], flush=True)
            if os.environ.get("MLFLOW_TRACKING_URI", "").startswith("http"):
                self._tracker.settimeout(PATIENCE_WITH_A_SERVER)
        return DIED


def _note_origins(outputs):
    """Note which processor made the models among the outputs: that varies, so no output says it."""
    from studykit.records import origins
    from studykit.study import load_study

    try:
        kinds = load_study().outputs
        for path in outputs:
            if kinds.match("models", path) and os.path.isfile(path):
                origins.record(path)
    except (UserError, OSError, ValueError, TypeError, AttributeError) as error:
        warn(f"{origins.ORIGINS}: which processor made this stage's models is not noted: {error}")


def _advice():
    """How to mend what tracking has not done, once the stage's outputs are there."""
    from studykit.study import load_study

    command = "studykit"
    with suppress(UserError):
        command = load_study().command
    return f"; the stage's outputs are complete; run `{command} sync` later to add them to MLflow"
