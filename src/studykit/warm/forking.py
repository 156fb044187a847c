"""Run a stage in a fork of a process that has imported what is large, once for all stages.

To import a library such as TensorFlow takes longer than many a stage has to do. So the process
that DVC starts does not run the stage itself: it asks a companion (`fork_server.py`) for a fork,
hands it its terminal, folder, environment and connection to the tracker, passes signals on to it,
and ends as it ends.

A stage that is run by hand, without DVC, runs in its own process. So does any where the variable
STUDYKIT_NO_FORK is set, on systems other than Linux, and beside a GPU: what CUDA has begun does not
survive a fork. And so does any with which something goes wrong here, after a warning.
"""

import json
import os
import signal
import socket
import sys
import time
from contextlib import contextmanager, suppress

import psutil

from studykit.errors import UserError, warn
from studykit.processes import dvc_processes, process_key
from studykit.tracking import connection
from studykit.warm import companions

NO_FORK = "STUDYKIT_NO_FORK"
GPUS = (  # of NVIDIA, which may make the device only when it is asked for; under Windows; of AMD
    "/dev/nvidiactl",
    "/proc/driver/nvidia/version",
    "/dev/dxg",
    "/dev/kfd",
)
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
AT_ONCE = 0.2  # seconds in which a server answers that has nothing else to do
READY = b"ready\n"
PATIENCE = 30  # seconds for a server to import what is large, or to fork


class BrokenServerError(Exception):
    """The server has not done what it was asked for."""


def run_in_fork(words):
    """Run a stage in a fork and exit as it does; return if it is to run in this process.

    Args:
        words: full name of the stage's module, and its arguments.

    Raises:
        SystemExit: the stage has run in a fork.
        UserError: a parameter is wrong.
    """
    dvc = dvc_processes(os.getpid())[0]
    if dvc.pid == os.getpid():
        return
    status = None
    try:
        tracker, address = companions.connect("studykit.warm.shared_tracker")
        connection.offer(connection.Connection(tracker, process_key(dvc), address))
        if can_fork() and (server := _find_server(words[0])):
            with server:
                status = _run(server, words)
    except UserError:
        raise
    except Exception as error:  # whatever goes wrong here must not stop a stage
        warn(f"this stage imports all for itself, which takes a little longer: {error}")
    if status is not None:
        sys.exit(status)


def can_fork():
    if os.environ.get(NO_FORK) or any(map(os.path.exists, GPUS)):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # not Linux, or an old one
        return False
    return True


def _find_server(module):
    """The server if it is ready for a stage, perhaps after a while; or None.

    A stage that needs what the server imports waits for it: to import that itself would take as
    long. Another one does not wait.
    """
    server = None
    with suppress(companions.NotThereError):
        server, address = _connect(start=False)
        if _is_ready(server, AT_ONCE):
            return server
    from studykit import params  # only here: where the server is ready, it has imported these
    from studykit.study import load_study

    study = load_study()
    if module in (*study.preload.ahead, *study.preload.stages):
        params.check_all(study)  # a mistake is told before anything slow
        if server is None:
            server, address = _connect(start=True)
    if server is not None and module in study.preload.stages:
        if _is_ready(server, PATIENCE):
            return server
        address.unlink(missing_ok=True)  # the next stage is to start another one
        raise BrokenServerError(f"the fork server has not been ready within {PATIENCE:g} seconds")
    if server is not None:
        server.close()
    return None


def _connect(*, start):
    return companions.connect("studykit.warm.fork_server", start=start)


def _is_ready(server, seconds):
    """Wait for the server to say that it is ready."""
    server.settimeout(seconds)
    try:
        if server.recv(len(READY), socket.MSG_WAITALL) == READY:
            return True
    except TimeoutError:
        return False
    except OSError:
        pass
    raise BrokenServerError("the fork server has ended, perhaps of an import")


def _run(server, words):
    """Run a stage in a fork; return its exit status, or end as it ended.

    Raises:
        BrokenServerError: there is no fork, or not any more.
    """
    tracking = connection.claim_connection()
    request = {
        "words": words,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "tracker": [str(tracking.address), tracking.execution],
    }
    try:
        server.settimeout(PATIENCE)
        socket.send_fds(server, [b"\n"], [0, 1, 2, tracking.socket.fileno()])
        server.sendall(json.dumps(request).encode() + b"\n")
        lines = server.makefile()
        fork = _number(lines.readline(), "forked")
    except (OSError, ValueError) as error:
        connection.offer(tracking)
        raise BrokenServerError(f"the fork server has not forked: {error}") from None
    tracking.socket.close()
    server.settimeout(None)
    with lines, _passing_signals_on(server):
        status = _wait(lines)
    if status is None:
        _end(fork)
        raise BrokenServerError("the fork server was killed; the stage begins again")
    if status < 0:
        with suppress(OSError):  # of SIGKILL, which always does what it does
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
        return 128 - status  # as shells report it
    return status


def _wait(lines):
    """The exit status of the fork, or None where the server has died."""
    with suppress(ConnectionError, ValueError):
        for line in lines:
            return _number(line, "ended")
    return None


def _number(line, word):
    """The number in a line of the server's, which begins with a word."""
    found, _, number = line.partition(" ")
    if found != word:
        raise ValueError(f"expected `{word}`, received {line!r}")
    return int(number)


@contextmanager
def _passing_signals_on(server):
    """Pass the signals that reach this process on to the fork."""

    def pass_on(number, _):
        with suppress(OSError):
            server.send(bytes([number]))

    def stop(*_):
        pass_on(signal.SIGSTOP, None)
        os.kill(os.getpid(), signal.SIGSTOP)

    handlers = dict.fromkeys((*PASSED_ON, signal.SIGCONT), pass_on)
    handlers[signal.SIGTSTP] = stop  # Ctrl-Z: no terminal could go on with the fork
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _end(fork):
    """Make sure that a fork without a server runs no more: the stage is about to begin again."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(fork)
        for each in [*process.children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        deadline = time.monotonic() + PATIENCE
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise UserError(f"process {fork}: expected to end when killed; it runs this stage")
            time.sleep(0.05)
