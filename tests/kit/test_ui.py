"""`studykit ui`: which server, at which address. A browser opens it in study/test_browser.py."""

import socket

import pytest

from studykit.errors import UserError
from studykit.tracking import ui
from tests.processes import free_port


def test_a_port_that_is_in_use_is_refused():
    with socket.socket() as taken:
        taken.bind((ui.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {port}: expected a free port"):
            ui.serve("sqlite:///mlflow.db", "/#/", port)


def test_a_server_that_does_not_start_is_told_in_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="mlflow server: expected an answer at http://127") as told:
        ui.serve("nonsense://x", "/#/", free_port())
    assert "\n" not in str(told.value)


def test_an_address_is_shown_without_its_password_and_with_the_charts(monkeypatch, capsys):
    monkeypatch.setattr(ui.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    ui.show(f"{ui.without_password('https://ann:s3cret@mlflow.example.org:8443')}/#/x?a=b")
    assert capsys.readouterr().out.splitlines() == [
        "https://mlflow.example.org:8443/#/x?a=b",
        "https://mlflow.example.org:8443/#/x?a=b&compareRunsMode=CHART",
    ]
