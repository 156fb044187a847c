"""Processes beside a DVC process, each of which serves all stages that it runs, one by one.

What takes long to start is started once, by the first stage that asks for it, be it of a `dvc
repro` or of a worker of the queue. The others find it by a socket. It ends with the DVC
process.
"""

import hashlib
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR

from studykit.errors import UserError
from studykit.tracking.provenance import dvc_processes, is_gone, process_key

LIBRARY = Path(__file__).parents[1]
SOCKETS = "/tmp/mnist_study-{user}"  # not in TMPDIR: an address has 107 bytes at most
LOOKS = 0.5  # seconds between two looks at whether DVC has ended


class NotThereError(Exception):
    """There is no such companion, and none was to be started."""


def connect(module, *words, start=True) -> tuple[socket.socket, Path]:
    """Find the companion of the DVC process above this stage; or start it.

    Args:
        module: the companion's, which is run as `python -m MODULE DVC ADDRESS WORDS`, and whose
            standard input is a socket that listens at ADDRESS.
        words: what else it is told; with other words it is another companion.
        start: whether to start it if it is not there.

    Returns:
        socket, connected but not necessarily accepted yet, and the address.

    Raises:
        NotThereError: it is not there, nor to be started.
        UserError: the folder of the sockets is not the user's own.
    """
    dvc = process_key(dvc_processes(os.getpid())[-1])
    address = _folder() / _digest(module, dvc, *words)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
    except (FileNotFoundError, ConnectionRefusedError):  # there is none; there was one, now killed
        if not start:
            connection.close()
            raise NotThereError from None
        _start([sys.executable, "-m", module, dvc, str(address), *words], address, connection)
    return connection, address


def _folder():
    """The folder of the user's sockets, through which nobody else can listen or speak."""
    folder = Path(SOCKETS.format(user=os.getuid()))
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UserError(
            f"{folder}: expected a folder that is yours alone, found one that others can use; "
            "remove it, or have it removed"
        )
    return folder


def _digest(*words):
    """What a companion is for: another DVC process, or library, or store has another one."""
    code = [file.read_bytes() for file in sorted(LIBRARY.rglob("*.py"))]
    store = [os.environ.get(name, "") for name in ("DVC_ROOT", "MLFLOW_TRACKING_URI")]
    return hashlib.md5(repr([words, code, store]).encode()).hexdigest()


def _start(command, address, connection):
    """Start a companion and connect to it at once: it need not have come to listen, nor live on."""
    address.unlink(missing_ok=True)
    path = os.pathsep.join(filter(None, [str(LIBRARY.parent), os.environ.get("PYTHONPATH")]))
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen()
        subprocess.Popen(
            command,
            env=os.environ | {"PYTHONPATH": path},
            stdin=listening.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C is for the stage
        )
        connection.connect(str(address))


def stages(dvc, address):
    """Accept stages, one after another, as long as the DVC process lives and the address is there.

    A companion that removes its address leaves the next stage to another one.

    Args:
        dvc: the key of its process.
        address: Path.

    Yields:
        socket, connected to a stage; it is closed afterwards.
    """
    with socket.socket(fileno=os.dup(0)) as listening:
        listening.settimeout(LOOKS)
        while address.exists() and not is_gone(dvc):
            with suppress(TimeoutError):
                stage, _ = listening.accept()
                with stage:
                    yield stage
    address.unlink(missing_ok=True)
