"""Processes of DVC and of its stages, and names for them that hold in any process.

Each stage's launcher imports this first of all, and little else: so it imports nothing large.
"""

import os
import re
import socket
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

INITIAL_NAMESPACE = "4026531836"  # of Linux, outside all containers


def granted_cores():
    """How many cores the system grants this process."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS


def this_execution():
    """The key of the execution that this process, a stage, is a part of."""
    return process_key(dvc_processes(os.getpid())[0])


def process_key(process):
    """Name a process so that no other one is taken for it, on this machine or another.

    Its parts, each without a colon: machine, boot of the machine, PID namespace, process id, and
    time of its start. The time is the one by which psutil itself tells processes apart. Its public
    create_time() moves whenever the system's clock is set, and would make a living process look
    like another one.
    """
    _, started = process._ident
    return ":".join((*_place(), str(process.pid), f"{started:.2f}"))


def is_gone(key):
    """Whether a process of this machine, by its key, has ended.

    Nothing is known of other machines, nor of containers with process ids of their own: theirs
    count as alive.
    """
    parts = key.split(":")
    if len(parts) != 5:
        return False
    *place, pid, _ = parts
    if tuple(place) != _place():
        return _was_of_an_earlier_boot(*place)
    try:
        process = psutil.Process(int(pid))
        # In a container, it may be that nothing ever buries what has ended.
        return process_key(process) != key or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@cache
def _place():
    """Machine, boot and PID namespace of this process; where they are not told, what comes close.

    The hostname, which may change at any time, is the last resort.
    """
    machine = _read("/etc/machine-id")
    boot = _read("/proc/sys/kernel/random/boot_id") or _boot_of_macos() or socket.gethostname()
    try:
        namespace = re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))
    except OSError:
        namespace = ""
    return machine, boot, namespace


def _was_of_an_earlier_boot(machine, boot, namespace):
    """Whether a process ran outside all containers on this machine, before it was started anew.

    Containers are not looked at: those of one image may hold the same name of a machine.
    """
    here, now, outside = _place()
    is_outside = namespace == outside == INITIAL_NAMESPACE
    return is_outside and bool(machine) and machine == here and boot != now


def _boot_of_macos():
    with suppress(OSError):  # there is no such program
        command = ["sysctl", "-n", "kern.bootsessionuuid"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return ""


def _read(path):
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def dvc_processes(stage):
    """The DVC processes that a stage runs below, from the one that runs it outwards.

    In a queued experiment, that one runs below a worker, which runs other experiments after it.

    Args:
        stage: its process id.

    Returns:
        list of psutil.Process: only the stage itself where it is run by hand.
    """
    process = psutil.Process(stage)
    found = []
    for ancestor in process.parents():
        with suppress(psutil.Error):  # gone, or not ours to read
            if any(Path(word).name == "dvc" for word in ancestor.cmdline()[:4]):
                found.append(ancestor)
    return found or [process]
