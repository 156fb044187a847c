"""A team's day: what docs/team.md shows, by three clones, a remote and a server with logins."""

import importlib.util
import os
import re
import subprocess
from pathlib import Path

import pytest
import requests

from tests.kit.test_stores import postgresql  # noqa: F401
from tests.processes import answers, free_port, wait_until
from tests.runs import Runs
from tests.tiny_study import ENVIRONMENT, ROOT, Clone
from tests.transcript import Step, differences, write_transcript

pytestmark = pytest.mark.slow
GUIDE = (ROOT / "docs/team.md").read_text("utf-8")
BLOCKS = re.findall(r"<!-- (ann|ben|cleo).*? -->\n```console\n(.*?)```", GUIDE, re.DOTALL)
PASSWORD = "a password of twelve"
DAY = ROOT / "docs/team_day.txt"
# Where Flask-WTF is, if it is beside what the lock installs.
PACKAGES = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}


@pytest.fixture
def server(tmp_path, postgresql):  # noqa: F811
    """The server as the guide starts it; gives its URI."""
    if importlib.util.find_spec("flask_wtf") is None:
        pytest.skip("Flask-WTF is not installed: make .venv/developing")
    (command,) = re.findall(r"^mlflow server .*", GUIDE, re.MULTILINE)
    port, folder = free_port(), tmp_path / "server"
    folder.mkdir()
    for shown, here in (
        ("postgresql+psycopg2://mlflow@127.0.0.1:5432/mlflow", postgresql),
        ("/srv/mlflow", str(folder)),
        ("5000", str(port)),
    ):
        assert shown in command
        command = command.replace(shown, here)
    process = subprocess.Popen(
        [*command.split(), "--workers", "1"],
        cwd=folder,
        env=ENVIRONMENT
        | PACKAGES
        | {
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "any",
            "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: answers(port), seconds=120)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 9)
        process.wait()


@pytest.fixture
def clones(study, tmp_path):
    """Ann has run the study, Ben and Cleo have a clone each of what she pushed."""
    study.commit("results")
    subprocess.run(["git", "clone", "-q", "--bare", study.root, tmp_path / "origin"], check=True)
    study(f"git remote add origin {tmp_path}/origin && git fetch -q && git branch -u origin/main")
    clones = {"ann": study} | {
        name: Clone(tmp_path / "origin", tmp_path / name) for name in ["ben", "cleo"]
    }
    for clone in clones.values():
        clone.make("merge-driver")
    return clones


def test_a_day(clones, server, tmp_path, monkeypatch):
    """Where TEAM_DAY names a file, what was printed is written to that, to be committed."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    made = requests.post(
        f"{server}/api/2.0/mlflow/users/create",
        auth=("admin", PASSWORD),
        json={"username": "ben", "password": "another password of his"},
        timeout=30,
    )
    assert made.ok, made.text
    here = {"/srv/dvc-store": f"{tmp_path}/store", "https://mlflow.example.org": server}
    steps = []
    for who, block in BLOCKS:
        for shown in re.findall(r"\$ (.*)", block):
            command = shown
            for name, value in here.items():
                command = command.replace(name, value)
            if command.startswith("export"):
                uri = command.partition("=")[2]
                steps.append(Step(who, shown, []))
                continue
            waits = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}
            syncs = waits | {"MLFLOW_TRACKING_URI": uri} if command == "mnist-study sync" else {}
            if syncs:
                refused = clones[who](command, check=False, **syncs)
                assert refused.returncode == 1
                assert "Traceback" not in refused.stderr
                assert len(refused.stderr.splitlines()) == 1
                syncs |= {"MLFLOW_TRACKING_USERNAME": "ben"}
                syncs |= {"MLFLOW_TRACKING_PASSWORD": "another password of his"}
            clone = clones[who]
            done = clone(command, check=False, PATH=clone.path_with_make(), **syncs)
            printed = done.stdout + done.stderr
            for name, value in here.items():
                printed = printed.replace(value, name)
            steps.append(Step(who, shown, printed.splitlines()))
            judges = "diff" in command or "make changes" in command  # 1 or 2 for a loss
            assert done.returncode in ((0, 1, 2) if judges else (0,)), f"{shown}\n{printed}"
            if command == "mnist-study stale":
                assert done.stdout == ""
            if syncs:
                said = done.stdout.splitlines()
    if path := os.environ.get("TEAM_DAY"):
        write_transcript(Path(path), steps)
    # A run a line, and each champion's.
    assert len([line for line in said if line.startswith("added")]) == 7
    assert all(line.startswith(("added", "MLflow: mnist-", "7 runs added")) for line in said)
    assert len(Runs(server).stages) == 7
    merged = clones["ann"].read("params.yaml")
    assert "units: 20" in merged
    assert "learning_rate: 0.002" in merged
    clones["ben"]("git fetch -q")
    assert clones["ben"]("mnist-study stale origin/smaller-dense").stdout == ""
    assert clones["cleo"]("dvc exp list origin -A").stdout == ""
    assert not DAY.exists() or differences(DAY, steps) == []
