"""Start a process of the kit that runs beside a stage, and may outlive it."""

import os
import subprocess
import sys
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
