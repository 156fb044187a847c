"""Other processes, as a test watches them and ends them: each may be gone at any moment."""

import socket
import time
from contextlib import suppress

import psutil


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def processes_of(text):
    """The processes with a text in a word of their command line or in the folder they run in."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "cwd"])
        if any(
            text in word for word in [*(process.info["cmdline"] or ()), process.info["cwd"] or ""]
        )
    ]


def below(root):
    """All that a started process has started, and so on."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(root.pid).children(recursive=True)
    return []


def kill(processes, named=""):
    """Kill those of the processes that have a text in their name."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if named in process.name():
                process.kill()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
