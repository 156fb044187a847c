"""The process that stages are forked from: `python -m mnist_study.fork_server DVC ADDRESS BACKEND`.

It is a companion of a DVC process that has imported what is large, and forks a process for each
stage that asks. Over its connection a stage sends its standard streams and its connection to the
tracker, a line of JSON that says which stage it is and from where, and then the number of each
signal that reaches it, as a byte. It is sent a line when it has been forked, and one with the exit
status of the fork, or the negative number of the signal that has ended it. A fork runs the stage
with the library in the stage's folder.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from mnist_study import backend, companions
from mnist_study.imports import large_imports

LIBRARY = ("anatomy", "evaluation", "params", "report", "training")  # brings all that is large
UNUSED = ("jax", "pyarrow")  # which TensorFlow and pandas import where they are installed
PR_SET_PDEATHSIG = 1  # of prctl(2)


def main():
    dvc, address, name = sys.argv[1:]
    gc.disable()
    backend.choose(name)
    with large_imports(without=[each for each in UNUSED if each != name]):
        for module in LIBRARY:
            importlib.import_module(f"mnist_study.{module}")
    stages = companions.stages(dvc, Path(address))
    for stage in stages:
        _, files, _, _ = socket.recv_fds(stage, 1, maxfds=4)
        with stage.makefile(encoding="utf-8") as lines:
            request = lines.readline()
        if not request:  # the stage has been killed before it could ask
            continue
        if (child := os.fork()) == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            stages.close()
            _become(**json.loads(request), files=files)
            return
        for file in files:
            os.close(file)
        _attend(stage, child)


def _attend(stage, child):
    """Pass on to a fork what its stage has been sent, and to the stage how the fork has ended."""
    ended = os.pidfd_open(child)
    with suppress(OSError):
        stage.send(b"\n")
    killed = False
    while ended not in select.select([ended] if killed else [ended, stage], [], [])[0]:
        number = _received(stage)
        killed = number is None
        signal.pidfd_send_signal(ended, signal.SIGKILL if killed else number)
    os.close(ended)
    _, status = os.waitpid(child, 0)
    with suppress(OSError):
        stage.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _received(stage):
    """The number of a signal, or None where the stage has been killed."""
    with suppress(ConnectionError):
        if received := stage.recv(1):
            return received[0]
    return None


def _become(stage, folder, environment, tracker, files):
    """Run a stage in this process, as if it had been started for it."""
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
        os.close(file)
    assert isinstance(sys.stdout, TextIOWrapper)  # as it was opened for this process's own file
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for name in [name for name in sys.modules if name.partition(".")[0] == "mnist_study"]:
        del sys.modules[name]  # the stage's own library may lie elsewhere
    sys.path[0] = folder
    sys.argv = [stage]
    sys.orig_argv = [sys.executable, "-m", f"stages.{stage}"]
    importlib.import_module("stages")  # from where the library is found
    address, execution = tracker
    tracking = importlib.import_module("mnist_study.tracking")
    tracking.get_ready(socket.socket(fileno=files[3]), Path(address), execution)
    runpy.run_module(f"stages.{stage}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
