"""The process that stages are forked from: `python -m studykit.warm.fork_server DVC ADDRESS BACKEND`.

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
from multiprocessing.context import ForkProcess
from pathlib import Path

from mnist_study.nets import backend
from studykit.errors import exit_on_user_error
from studykit.warm import companions
from studykit.warm.imports import large_imports

LIBRARY = (
    "scores.anatomy",
    "scores.evaluation",
    "params",
    "report.page",
    "nets.training",
)  # brings all that is large
UNUSED = ("jax", "pyarrow")  # which TensorFlow and pandas import where they are installed
PR_SET_PDEATHSIG = 1  # of prctl(2)


def main():
    dvc, address, name = sys.argv[1:]
    gc.disable()
    backend.choose(name)
    with large_imports(without=[each for each in UNUSED if each != name]):
        for module in LIBRARY:
            importlib.import_module(f"mnist_study.{module}")
    libc = ctypes.CDLL(None)
    clients = companions.stages(dvc, Path(address))
    for client in clients:
        _, files, _, _ = socket.recv_fds(client, 1, maxfds=4)
        with client.makefile(encoding="utf-8") as lines:
            request = lines.readline()
        if request.endswith("\n"):  # or it has been killed before it could ask
            # It ends at once, without taking apart all that the server has imported.
            asked = json.loads(request) | {"files": files}
            fork = ForkProcess(
                target=_run, name=asked["stage"], args=(os.getpid(), libc, clients, asked)
            )
            fork.start()
            _attend(client, fork)
        for file in files:
            os.close(file)


def _run(server, libc, clients, asked):
    """Run a stage in a fork, for as long as the server lives."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:  # which has been killed before that
        os._exit(1)
    os.setpgid(0, 0)
    clients.close()
    with exit_on_user_error():
        _become(**asked)


def _attend(client, fork):
    """Pass on to a fork what its client is sent, and to the client how the fork has ended.

    Signals go to the fork's process group, as a terminal's do: it may have children.
    """
    pidfd = os.pidfd_open(fork.pid)
    with suppress(OSError):  # the fork has done so
        os.setpgid(fork.pid, fork.pid)
    with suppress(OSError):
        client.send(b"\n")
    killed = False
    while pidfd not in select.select([pidfd] if killed else [pidfd, client], [], [])[0]:
        number = _received(client)
        killed = number is None
        os.killpg(fork.pid, signal.SIGKILL if killed else number)
    with suppress(ProcessLookupError):
        os.killpg(fork.pid, signal.SIGKILL)  # what the fork has left behind
    os.close(pidfd)
    fork.join()
    with suppress(OSError):
        client.sendall(f"{fork.exitcode}\n".encode())
    fork.close()


def _received(client):
    """The number of a signal, or None where the client has been killed."""
    with suppress(ConnectionError):
        if received := client.recv(1):
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
    ours = [name for name in sys.modules if name.partition(".")[0] in ("mnist_study", "studykit")]
    for name in set(ours) - {backend.__name__}:  # which knows what Keras has been imported for
        del sys.modules[name]  # the stage's own library may lie elsewhere
    sys.path[0] = folder
    sys.argv = [stage]
    sys.orig_argv = [sys.executable, "-m", f"stages.{stage}"]
    importlib.import_module("stages")  # from where the library is found
    address, execution = tracker
    tracking = importlib.import_module("studykit.tracking.live")
    tracking.get_ready(socket.socket(fileno=files[3]), Path(address), execution)
    runpy.run_module(f"stages.{stage}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
