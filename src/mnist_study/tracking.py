"""Track a stage's run in MLflow, without waiting for it and without depending on it.

A stage opens a run here and goes on at once. What happens is told, as lines of JSON, to a process
of its own (`tracker.py`), which alone imports MLflow. So a slow or dead tracking server costs no
training, importing MLflow costs no time beside TensorFlow's, and a stage that is killed still has
its run closed: the tracker sees the pipe end.
"""

import json
import os
import re
import resource
import select
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

# Seconds to wait at the end of a stage while its tracker makes no progress: a server may be dead,
# but a store on this machine is only busy, as is a tracker that has not yet imported MLflow.
PATIENCE_WITH_A_SERVER = 10
PATIENCE = 60
ADVICE = "the stage's outputs are complete; run `mnist-study sync` later to add them to MLflow"


_ready: list[subprocess.Popen] = []  # a tracker that has not been told of a stage yet


def get_ready():
    """Start the tracker of the run that is about to begin: it imports MLflow, and waits for it.

    If there is none after all, since a parameter is wrong, the tracker ends with this process and
    has not opened the store.
    """
    _ready.append(_start_tracker())


def _start_tracker():
    return subprocess.Popen(
        [sys.executable, "-m", "mnist_study.tracker"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


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
    """The most memory that this process has held, in bytes."""
    if (status := Path("/proc/self/status")).exists():
        # What getrusage says begins with the peak of the process that started this one.
        (peak,) = re.findall(r"^VmHWM:\s+(\d+) kB$", status.read_text(), re.MULTILINE)
        return int(peak) * 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS


class Run:
    """A stage's side of the pipe."""

    def __init__(self, stage):
        self._began = time.perf_counter()
        self._process = _ready.pop() if _ready else _start_tracker()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._events = self._process.stdin
        self._messages = self._process.stdout
        self._tell({"stage": stage})

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
        with suppress(BrokenPipeError):  # the tracker has given up, and said why
            self._events.close()
        if (warning := self._listen()) is not None:
            print(f"warning: MLflow: {warning}; {ADVICE}", file=sys.stderr)

    def _tell(self, event):
        with suppress(BrokenPipeError):  # likewise
            self._events.write(json.dumps(event).encode() + b"\n")
            self._events.flush()

    def _listen(self):
        """Pass on what the tracker says until it ends; return what went wrong, or None."""
        patience = PATIENCE
        pending = b""
        while select.select([self._messages], [], [], patience)[0]:
            received = os.read(self._messages.fileno(), 2**16)
            if not received:
                if code := self._process.wait():
                    return f"the tracker ended with status {code}"
                return None
            if os.environ.get("MLFLOW_TRACKING_URI", "").startswith("http"):
                patience = PATIENCE_WITH_A_SERVER
            *lines, pending = (pending + received).split(b"\n")
            for line in lines:
                message = json.loads(line)
                if "warning" in message:
                    self._process.kill()
                    self._process.wait()
                    return message["warning"]
                if "say" in message:
                    print(message["say"], flush=True)
        self._process.kill()
        self._process.wait()
        return f"no answer from the tracking store within {patience} seconds"
