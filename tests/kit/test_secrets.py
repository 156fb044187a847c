"""A password in an address of the tracking server is shown nowhere, whatever happens."""

import os
import signal
import subprocess

import pytest

from tests.kit.faulty_study import FaultyStudy
from tests.processes import answers, free_port, wait_until
from tests.tiny_study import ENVIRONMENT

MARK = "m4rked"
CRASH = "raise RuntimeError('no answer from http://ann:pass@host, with ' + os.environ['TOKEN'])"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    study = FaultyStudy(tmp_path_factory.mktemp("secrets") / "study")
    study.repro()
    return study


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of a tracking server that asks for no password, and takes any."""
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    command = f"mlflow server --port {port} --backend-store-uri sqlite:///{folder}/s.db"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            f"{command} --artifacts-destination {folder}/artifacts --workers 1".split(),
            cwd=folder, env=ENVIRONMENT, start_new_session=True, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_until(lambda: answers(port), seconds=120)
        yield port
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    assert files_with(MARK, folder) == []


def files_with(text, folder):
    """The files under a folder that hold a text, but for the kit's own code."""
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and "src" not in path.relative_to(folder).parts
        if text.encode() in path.read_bytes()
    ]


def assert_is_not_shown(done, study):
    assert MARK not in done.stdout
    assert MARK not in done.stderr
    assert files_with(MARK, study.root) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["dvc repro --force", "sync", "lineage", "lineage --json", "diff HEAD workspace"]
)
def test_a_server_that_answers_is_not_told_of_with_its_password(study, port, command):
    uri = f"http://ann:{MARK}@127.0.0.1:{port}"
    run = study.shell if command.startswith("dvc") else study.kit
    done = run(command, MLFLOW_TRACKING_URI=uri)
    assert "warning" not in done.stderr
    assert_is_not_shown(done, study)


GONE = "127.0.0.1:9"  # where nothing listens


@pytest.mark.parametrize(
    "uri",
    [
        f"http://ann:{MARK}@{GONE}",
        f"http://{MARK}-and-as-long-as-a-token@{GONE}",
        pytest.param(f"http://ann:{MARK}/pass@{GONE}", marks=pytest.mark.slow),
        pytest.param(f"http://ann:{MARK}%20%40@{GONE}", marks=pytest.mark.slow),
        pytest.param(f"htp://ann:{MARK}@{GONE}", marks=pytest.mark.slow),
        pytest.param(f"postgresql://ann:{MARK}@{GONE}/db", marks=pytest.mark.slow),
        pytest.param(f"postgresql://{GONE}/db?password={MARK}", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "command", [pytest.param("dvc repro --force", marks=pytest.mark.slow), "sync"]
)
def test_a_server_that_does_not_answer_is_not_told_of_with_its_password(study, uri, command):
    run = study.shell if command.startswith("dvc") else study.kit
    done = run(command, check=False, MLFLOW_TRACKING_URI=uri)
    (said,) = (line for line in done.stderr.splitlines() if "MLflow: " in line)
    assert said.startswith("warning: " if command.startswith("dvc") else "error: ")
    assert_is_not_shown(done, study)


@pytest.mark.parametrize("variables", [{}, {"STUDYKIT_NO_FORK": "1"}], ids=["forked", "alone"])
def test_a_traceback_does_not_show_it(study, variables):
    study.write("studykit.yaml", "name: mini\npreload: {modules: [decimal], stages: [stages.one]}")
    secret = f"{MARK}/pass word"
    tokens = {"MLFLOW_TRACKING_TOKEN": secret, "TOKEN": secret}
    done = study.shell("dvc repro --force", check=False, FAULT=CRASH, **variables, **tokens)
    assert "RuntimeError: no answer from http://***@host, with ***\n" in done.stderr
    assert MARK not in done.stderr
