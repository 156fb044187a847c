"""The process that stages are forked from: `python -m studykit.warm.fork_server DVC ADDRESS`.

It is a companion that has imported what `studykit.yaml` names under `preload`, and forks a process
for each stage that asks. A fork runs the stage with the code in the stage's folder.

It sends a stage the line `ready`. The stage sends its standard streams and its connection to the
tracker, a line of JSON that says what to run and where, and later the number of each signal that
reaches it, as a byte. It is sent the lines `forked PID`, when the fork begins, and `ended STATUS`:
an exit status, or the negative number of the signal that ended the fork.
"""

import ctypes
import importlib
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from io import TextIOWrapper
from multiprocessing.context import ForkProcess
from pathlib import Path
from threading import Thread

from studykit import start
from studykit.errors import print_traceback
from studykit.imports import large_imports
from studykit.study import load_study
from studykit.warm import companions

PATIENCE = 10  # seconds in which a stage sends its request
PR_SET_PDEATHSIG = 1  # of prctl(2)


def main():
    dvc, address = sys.argv[1], Path(sys.argv[2])
    folder = os.getcwd()
    start.prefer_code_beside()
    preload = load_study().preload
    _import(preload.modules, preload)
    later = Thread(target=_import_later, args=(preload,), daemon=True)
    libc = ctypes.CDLL(None)
    clients = companions.clients(dvc, address)
    for client in clients:
        request, files = _receive_request(client)
        if request is not None:
            if later.ident is not None:
                later.join()  # a fork amid an import would wait for it for ever
            fork = ForkProcess(
                target=_run,
                name="stage",  # which a traceback begins with
                args=(os.getpid(), libc, (clients, client), folder, request, files),
            )
            with suppress(OSError):  # no memory: the stage finds its connection closed
                fork.start()
                if later.ident is None:
                    later.start()  # beside: what the client is sent is passed on meanwhile
                _attend(client, fork)
        for file in files:
            os.close(file)


def _import(modules, preload):
    with large_imports(without=preload.without):
        for module in modules:
            importlib.import_module(module)


def _import_later(preload):
    with suppress(Exception):  # the stage that needs it meets and reports the same
        _import(preload.later, preload)


def _receive_request(client):
    """What to run, or None where the stage does not ask after all, and the files that it sent."""
    files: list[int] = []
    client.settimeout(PATIENCE)
    with suppress(OSError, ValueError):
        client.sendall(b"ready\n")
        _, files, _, _ = socket.recv_fds(client, 1, maxfds=4)
        with client.makefile(encoding="utf-8") as lines:
            request = lines.readline()
        client.settimeout(None)
        if request.endswith("\n"):
            return json.loads(request), files
    return None, files


def _attend(client, fork):
    """Pass on to a fork what its client is sent, and to the client how the fork has ended.

    Signals go to the fork's process group, as a terminal's do: it may have children.
    """
    pidfd = os.pidfd_open(fork.pid)
    with suppress(OSError):  # the fork has done so
        os.setpgid(fork.pid, fork.pid)
    killed = False
    while pidfd not in select.select([pidfd] if killed else [pidfd, client], [], [])[0]:
        number = _received(client)
        killed = number is None
        with suppress(ProcessLookupError):
            os.killpg(fork.pid, signal.SIGKILL if killed else number)
    with suppress(ProcessLookupError):
        os.killpg(fork.pid, signal.SIGKILL)  # what the fork has left behind
    os.close(pidfd)
    fork.join()
    with suppress(OSError):
        client.sendall(f"ended {fork.exitcode}\n".encode())
    fork.close()


def _received(client):
    """The number of a signal, or None where the client has been killed."""
    with suppress(ConnectionError):
        if received := client.recv(1):
            return received[0]
    return None


def _run(server, libc, sockets, folder, request, files):
    """Run a stage in a fork, for as long as the server lives."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:  # which has been killed before that
        os._exit(1)
    os.setpgid(0, 0)
    clients, client = sockets
    client.sendall(f"forked {os.getpid()}\n".encode())  # fails where the stage waits no longer
    clients.close()  # and with it the client
    try:
        _run_as_stage(folder, files=files, **request)
    except Exception as error:
        print_traceback(type(error), error, error.__traceback__)
        sys.exit(1)


def _run_as_stage(server_folder, *, words, folder, environment, tracker, files):
    """Run a stage in this process, as if it had been started for it.

    Args:
        server_folder: the one whose code this process has imported so far.
        words: full name of the stage's module, and its arguments.
        folder: to run it in.
        environment: variables.
        tracker: address of its tracker, and key of its pipeline's execution.
        files: descriptors of its standard streams and its connection to the tracker.
    """
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
        os.close(file)
    assert isinstance(sys.stdout, TextIOWrapper)  # as it was opened for this process's own file
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    _forget_code_of(server_folder)
    start.prefer_code_beside()
    sys.orig_argv = [sys.executable, "-m", "studykit.start", *words]
    address, execution = tracker
    connection = importlib.import_module("studykit.tracking.connection")
    tracking = connection.Connection(socket.socket(fileno=files[3]), execution, Path(address))
    connection.offer(tracking)
    importlib.import_module("studykit.start").run_here(words)


def _forget_code_of(folder):
    """Forget what was imported from a repository: it is imported anew, perhaps from another."""

    def is_in_folder(path):
        return path.startswith(folder + os.sep) and not path.startswith(sys.prefix + os.sep)

    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        if name != "__main__" and any(is_in_folder(place) for place in places if place):
            del sys.modules[name]
    sys.path[:] = [path for path in sys.path if path != folder and not is_in_folder(path)]
    importlib.invalidate_caches()


if __name__ == "__main__":
    main()
