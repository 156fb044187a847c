"""Run a stage in a fork of a process that has imported Keras, once for all stages: a fork server.

To import Keras and TensorFlow takes longer than many a stage has to do. So what DVC starts is not
the stage itself: it asks a companion (`fork_server.py`) for a fork, hands it its terminal, folder,
environment and connection to the tracker, passes signals on to it, and ends as it ends.

A stage that is run by hand, without DVC, runs in its own process. So does any where the variable
MNIST_STUDY_NO_FORK is set, on systems other than Linux, and beside a GPU: what CUDA has begun does
not survive a fork.
"""

import json
import os
import signal
import socket
import sys
from contextlib import suppress

from studykit.errors import UserError
from studykit.tracking import live as tracking
from studykit.tracking import provenance
from studykit.warm import companions

NO_FORK = "MNIST_STUDY_NO_FORK"
BEFORE = ("fetch", "preprocess")  # start the server and go on: a later stage needs it
TRAINING = ("train_dense", "train_cnn")
SCORING = ("evaluate",)
AFTER = ("replicate", "report")  # what they import, the server has imported, too, if there is one
GPUS = (  # of NVIDIA, which may make the device only when it is asked for; under Windows; of AMD
    "/dev/nvidiactl",
    "/proc/driver/nvidia/version",
    "/dev/dxg",
    "/dev/kfd",
)
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def run_elsewhere(stage):
    """Run a stage in a fork and exit as it does; return if it is to run in this process.

    Args:
        stage: its name.
    """
    if stage not in (*BEFORE, *TRAINING, *SCORING, *AFTER) or not _can_fork():
        return
    try:
        server = _connect(stage)
    except (companions.NotThereError, UserError):  # a mistake is for the stage to tell
        return
    with server:
        if stage not in BEFORE:
            _fork(server, stage)


def _connect(stage):
    """Find the server for a stage; or start it, but not with a mistake in the parameters."""
    if stage in (*SCORING, *AFTER):
        with suppress(companions.NotThereError):
            return _server("tensorflow", start=False)
    from mnist_study.params import load  # only now: where there is a server, it has imported this

    params = load()
    backend = "tensorflow" if stage in SCORING else params.compute.backend
    return _server(backend, start=stage not in AFTER)


def _server(backend, *, start):
    return companions.connect("studykit.warm.fork_server", backend, start=start)[0]


def _fork(server, stage):
    """Run a stage in a fork, and exit; return if there is none, since the server has died."""
    tracker, address, execution = tracking.taken()
    request = {
        "stage": stage,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "tracker": [str(address), execution],
    }
    if _begins(server, request, [0, 1, 2, tracker.fileno()]):
        tracker.close()
        sys.exit(_wait(server))
    print("warning: the fork server has ended: this stage imports all for itself", file=sys.stderr)
    tracking.get_ready(tracker, address, execution)


def _can_fork():
    if os.environ.get(NO_FORK) or any(map(os.path.exists, GPUS)):
        return False
    if provenance.dvc_processes(os.getpid())[0].pid == os.getpid():
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # not Linux, or an old one
        return False
    return True


def _begins(server, request, files):
    """Ask for a fork, and wait for it; False if the server has died, perhaps of an import."""
    try:
        message = json.dumps(request).encode() + b"\n"
        socket.send_fds(server, [b"\n"], files)
        server.sendall(message)
        return server.recv(1) != b""
    except OSError:
        return False


def _wait(server):
    """Pass signals on to the fork until it ends; return its exit status, or end as it ended."""

    def pass_on(number, _):
        with suppress(OSError):
            server.send(bytes([number]))

    def stop(*_):
        pass_on(signal.SIGSTOP, None)
        os.kill(os.getpid(), signal.SIGSTOP)

    for number in PASSED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    signal.signal(signal.SIGTSTP, stop)  # Ctrl-Z: no terminal could go on with the fork
    signal.signal(signal.SIGCONT, pass_on)
    with suppress(ConnectionError), server.makefile() as lines:
        for status in map(int, lines):
            if status >= 0:
                return status
            with suppress(OSError):  # of SIGKILL, which always does what it does
                signal.signal(-status, signal.SIG_DFL)
            os.kill(os.getpid(), -status)
    print(
        "error: the fork server, which runs this stage, has been killed, perhaps since memory ran "
        "out; run the command again, or set MNIST_STUDY_NO_FORK=1",
        file=sys.stderr,
    )
    return 1
