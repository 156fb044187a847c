"""Processes beside a DVC process: nobody else can listen to them or speak for them."""

import os
import socket
import time

import pytest

from studykit import background
from studykit.warm import companions


@pytest.fixture
def sockets(tmp_path, monkeypatch):
    folder = tmp_path / "sockets"
    monkeypatch.setattr(companions, "SOCKETS", str(folder))
    return folder


def test_a_folder_of_sockets_that_others_can_use_is_refused(sockets):
    sockets.mkdir()
    sockets.chmod(0o777)
    with pytest.raises(OSError, match="is not a folder that is yours alone"):
        companions.connect("studykit.warm.shared_tracker")
    assert not list(sockets.iterdir())


def test_the_folder_of_sockets_is_the_users_own(sockets):
    with pytest.raises(companions.NotThereError):
        companions.connect("studykit.warm.shared_tracker", start=False)
    assert sockets.stat().st_mode & 0o777 == 0o700


def test_sockets_of_killed_companions_are_removed_by_the_next_one(sockets, monkeypatch):
    monkeypatch.setattr(background, "start", lambda *_, connection: None)
    sockets.mkdir(mode=0o700)
    names = ("dead", "living", ".new-1", ".new-2")
    bound = {name: socket.socket(socket.AF_UNIX) for name in names}
    for name, listening in bound.items():
        listening.bind(str(sockets / name))
    long_ago = time.time() - 1000
    os.utime(sockets / ".new-1", (long_ago, long_ago))
    bound["living"].listen()
    bound["dead"].close()
    connection, address = companions.connect("studykit.warm.shared_tracker")
    assert {path.name for path in sockets.iterdir()} == {"living", ".new-2", address.name}
    for each in (connection, *bound.values()):
        each.close()
