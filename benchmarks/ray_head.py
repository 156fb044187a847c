"""A Ray cluster of this machine alone, for as long as a block lasts."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import psutil

PATIENCE = 120  # seconds until the cluster answers


@contextmanager
def cluster(num_cpus):
    """Start a cluster; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: it holds the paths of sockets
    words = [
        *("--block", "--head", f"--port={port}", f"--num-cpus={num_cpus}", "--disable-usage-stats"),
        *("--include-dashboard=false", f"--temp-dir={folder}", "--object-store-memory=500000000"),
    ]
    head = subprocess.Popen(
        [Path(sys.executable).with_name("ray"), "start", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_answers(port)
        yield f"127.0.0.1:{port}"
    finally:
        processes = [*psutil.Process(head.pid).children(recursive=True), psutil.Process(head.pid)]
        for process in processes:
            process.terminate()
        for process in psutil.wait_procs(processes, timeout=20)[1]:
            process.kill()
        head.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_answers(port):
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)
