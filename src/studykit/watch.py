"""End a stage together with the DVC process that runs it.

A stage that outlives its DVC would later overwrite the outputs of the next run.
"""

import os
import signal
import threading
import time
from contextlib import suppress

import psutil

from studykit.processes import dvc_processes, is_gone, process_key

LOOKS = 0.5  # seconds between two looks at whether DVC has ended
GRACE = 10  # seconds in which a process may end itself when it is asked to


def end_with_dvc():
    """Watch the DVC process above this one, from now on; nothing is done where there is none."""
    dvc = dvc_processes(os.getpid())[0]
    if dvc.pid != os.getpid():
        threading.Thread(target=_watch, args=(process_key(dvc),), daemon=True).start()


def _watch(dvc):
    while not is_gone(dvc):
        time.sleep(LOOKS)
    with suppress(OSError):
        os.write(2, b"error: DVC has ended, and this stage ends with it\n")
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in [*_children(), psutil.Process()]:
            with suppress(psutil.Error):
                process.send_signal(number)
        time.sleep(GRACE)


def _children():
    """The processes that the stage has started, without those that are to outlive it."""
    session = os.getsid(0)
    for child in psutil.Process().children(recursive=True):
        with suppress(OSError):
            if os.getsid(child.pid) == session:
                yield child
