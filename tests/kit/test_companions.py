"""Processes beside a DVC process: nobody else can listen to them or speak for them."""

import pytest

from studykit.errors import UserError
from studykit.warm import companions


@pytest.fixture
def sockets(tmp_path, monkeypatch):
    folder = tmp_path / "sockets"
    monkeypatch.setattr(companions, "SOCKETS", str(folder))
    return folder


def test_a_folder_of_sockets_that_others_can_use_is_refused(sockets):
    sockets.mkdir()
    sockets.chmod(0o777)
    with pytest.raises(UserError, match="expected a folder that is yours alone"):
        companions.connect("studykit.tracking.tracker")
    assert not list(sockets.iterdir())


def test_the_folder_of_sockets_is_the_users_own(sockets):
    with pytest.raises(companions.NotThereError):
        companions.connect("studykit.tracking.tracker", start=False)
    assert sockets.stat().st_mode & 0o777 == 0o700
