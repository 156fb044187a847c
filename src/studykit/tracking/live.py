"""Track a stage's run in MLflow, without waiting for it and without depending on it.

A stage opens a run here and goes on at once. What happens is told, as lines of JSON, to another
process (`tracker.py`), which alone imports MLflow, once for all stages that a DVC process runs. So
a slow or dead tracking server costs no training, importing MLflow costs no time beside
TensorFlow's, and a stage that is killed still has its run closed: its tracker sees the connection
end.
"""

import json
import os
import re
import resource
import socket
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from studykit.tracking import provenance
from studykit.warm import companions

# Seconds to wait at the end of a stage while its tracker makes no progress: a server may be dead,
# but a store on this machine is only busy, as is a tracker that has not yet imported MLflow.
PATIENCE_WITH_A_SERVER = 10
PATIENCE = 60
DIED = "the tracker has died"
ADVICE = "the stage's outputs are complete; run `mnist-study sync` later to add them to MLflow"


# A connection to the tracker that has not been told of a stage yet, its address, and the key of the
# pipeline's execution.
_ready: list[tuple[socket.socket, Path, str]] = []


def get_ready(*connected):
    """Connect to the tracker of the run that is about to begin.

    If there is no run after all, since a parameter is wrong, the tracker has not opened the store.

    Args:
        connected: what another process has connected and `taken` for this one.
    """
    _ready.append(connected or _connect())


def taken():
    """The connection that is ready: from now on it is the caller's."""
    return _ready.pop() if _ready else _connect()


def _connect():
    return *companions.connect("studykit.tracking.tracker"), provenance.this_execution()


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
    """
    tracked = Run(stage)
    try:
        yield tracked
    except BaseException as error:
        tracked.end("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
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
    """A stage's side of the connection."""

    def __init__(self, stage):
        self._began = time.perf_counter()
        self._tracker, self._address, execution = taken()
        here = {name: value for name, value in os.environ.items() if name.startswith("DVC_")}
        begun = {"stage": stage, "execution": execution, "folder": os.getcwd(), "environment": here}
        self._tell(begun)

    def log_epoch(self, row, images_per_second):
        """Show an epoch's metrics while training goes on.

        Args:
            row: dict of epoch, from 1, and metrics by name.
            images_per_second: how many images the epoch learned from.
        """
        self._tell({"epoch": row | {"system/images_per_second": images_per_second}})

    def end(self, status):
        """Close the run and wait for the tracker, as long as it makes progress.

        Args:
            status: MLflow's word: FINISHED, FAILED or KILLED.
        """
        self._tell(
            {
                "status": status,
                "seconds": time.perf_counter() - self._began,
                "peak_memory_mb": peak_memory() / 2**20,
            }
        )
        if (warning := self._listen()) is not None:
            print(f"warning: MLflow: {warning}; {ADVICE}", file=sys.stderr)

    def _tell(self, event):
        with suppress(OSError):  # the tracker has given up, and said why
            self._tracker.sendall(json.dumps(event).encode() + b"\n")

    def _listen(self):
        """Pass on what the tracker says until it is done; return what went wrong, or None."""
        self._tracker.settimeout(PATIENCE)
        with self._tracker:
            try:
                return self._end_of_messages()
            except TimeoutError:
                self._address.unlink(missing_ok=True)  # the next stage is to start another one
                self._tell({"leaves": True})
                patience = self._tracker.gettimeout()
                return f"no answer from the tracking store within {patience:g} seconds"
            except ConnectionError:
                return DIED

    def _end_of_messages(self):
        with self._tracker.makefile(encoding="utf-8") as messages:
            for message in map(json.loads, messages):
                if "done" in message:
                    return None
                if "warning" in message:
                    return message["warning"]
                if "say" in message:
                    print(message["say"], flush=True)
                if os.environ.get("MLFLOW_TRACKING_URI", "").startswith("http"):
                    self._tracker.settimeout(PATIENCE_WITH_A_SERVER)
        return DIED
