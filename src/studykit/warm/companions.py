"""Companions: processes beside a DVC process, each of which serves all stages that it runs.

What takes long to start is started once, by the first stage that asks for it, be it of a `dvc
repro` or of a worker of the queue. The others find it by a socket. It ends with the DVC process.
"""

import hashlib
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR

from studykit import background
from studykit.processes import dvc_processes, is_gone, process_key

LIBRARY = Path(__file__).parents[1]
SOCKETS = "/tmp/studykit-{user}"  # not in TMPDIR: an address has 107 bytes at most
LOOKS = 0.5  # seconds between two looks at whether DVC has ended
PATIENCE = 5  # seconds to wait for a connection, which the system makes at once
UNNAMED = ".new-"  # begins the name of a socket that does not listen yet
SETTLED = 60  # seconds after which such a one was left by a killed process


class NotThereError(Exception):
    """There is no such companion, and none was to be started."""


def connect(module, *, start=True) -> tuple[socket.socket, Path]:
    """Find the companion of the DVC process above this stage; or start it.

    Args:
        module: the companion's, which is run as `python -m MODULE DVC ADDRESS`, and whose standard
            input is a socket that listens at ADDRESS.
        start: whether to start it if it is not there.

    Returns:
        socket, connected but not necessarily accepted yet, and the address.

    Raises:
        NotThereError: it is not there, nor to be started.
        OSError: it can neither be reached nor started, or the folder of the sockets is not safe.
    """
    dvc = process_key(dvc_processes(os.getpid())[-1])
    address = _folder() / _digest(module, dvc)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    try:
        try:
            connection.connect(str(address))
        except (FileNotFoundError, ConnectionRefusedError):  # there is none; or it was killed
            if not start:
                raise NotThereError from None
            _start(module, dvc, address, connection)
    except BaseException:
        connection.close()
        raise
    connection.settimeout(None)
    return connection, address


def clients(dvc, address):
    """Accept stages, one after another, as long as the DVC process lives and the address is there.

    A companion whose address is removed is replaced by another one when the next stage asks.

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
                client, _ = listening.accept()
                with client:
                    yield client
    address.unlink(missing_ok=True)
    _remove_dead_sockets(address.parent)  # of other companions of this DVC, if they were killed


def _folder():
    """The folder of the user's sockets, through which nobody else can listen or speak."""
    folder = Path(SOCKETS.format(user=os.getuid()))
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder that is yours alone; remove it")
    return folder


def _digest(*words):
    """What a companion is for: another DVC process, kit, or store has another one."""
    code = [file.read_bytes() for file in sorted(LIBRARY.rglob("*.py"))]
    store = [os.environ.get(name, "") for name in ("DVC_ROOT", "MLFLOW_TRACKING_URI")]
    return hashlib.md5(repr([words, code, store]).encode()).hexdigest()


def _start(module, dvc, address, connection):
    """Start a companion and connect to it at once: it need not have come to listen, nor live on.

    The socket has its address from when on it listens: so nobody takes it for a dead one.
    """
    _remove_dead_sockets(address.parent)
    unnamed = address.with_name(f"{UNNAMED}{os.getpid()}")
    unnamed.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(unnamed))
        listening.listen()
        os.replace(unnamed, address)
        background.start(module, dvc, str(address), connection=listening)
        connection.connect(str(address))


def _remove_dead_sockets(folder):
    """Remove the sockets that nobody listens to: their companions were killed."""
    for address in folder.iterdir():
        with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            is_new = address.name.startswith(UNNAMED)
            if is_new and time.time() - address.lstat().st_mtime < SETTLED:
                continue
            probe.setblocking(False)
            try:
                probe.connect(str(address))
            except ConnectionRefusedError:
                address.unlink(missing_ok=True)
