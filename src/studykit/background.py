"""Processes beside a stage: of the kit, which may outlive it, and a fork for half of its work."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

SOURCE = Path(__file__).parents[1]  # where this very studykit is imported from

_started: list[subprocess.Popen] = []  # or Python would warn of those that still run


def start(module, *words, connection):
    """Run `python -m MODULE WORDS`, with the same studykit as this process.

    Args:
        module: full name of the module.
        words: its arguments.
        connection: socket that becomes its standard input. It has no terminal, and a terminal's
            Ctrl-C does not reach it.

    Raises:
        OSError: the system starts no process.
    """
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    process = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        env=os.environ | {"PYTHONPATH": path, "PYTHONIOENCODING": f"{encoding}:replace"},
        stdin=connection.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    _started.append(process)


@contextmanager
def beside(task):
    """Do something in a fork while the block goes on; or after it, where that is not safe.

    It is not in a process with threads, as a fork has none, nor on systems other than Linux. A fork
    that fails says nothing: then the task is done once more, in this process.

    Args:
        task: function without arguments, whose result is what it writes.
    """
    fork = _fork()
    if fork == 0:
        failed = True
        try:
            task()
            failed = False
        finally:
            os._exit(failed)  # no more than that: all that is open is the stage's
    try:
        yield
    except BaseException:
        if fork is not None:
            os.kill(fork, signal.SIGKILL)
            os.waitpid(fork, 0)
        raise
    if fork is None or _has_failed(fork):
        task()


def _fork():
    with suppress(OSError):  # no such folder, or no memory
        if len(os.listdir("/proc/self/task")) == 1:
            return os.fork()
    return None


def _has_failed(fork):
    return os.waitpid(fork, 0)[1] != 0
