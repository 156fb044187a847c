"""A stage whose inputs or parameters are edited while it runs fails, and says which."""

import json
import os
import socket
import threading
from pathlib import Path

import pytest

from studykit.errors import UserError
from studykit.records.stages import StageRecord
from studykit.tracking import connection, fingerprint
from studykit.tracking import tracker as tracker_process
from studykit.tracking.run import run
from tests.kit.test_tracking import wait_for
from tests.runs import store

DVC = """
stages:
  train:
    cmd: python train.py
    params: [train.epochs, more.yaml: [a.b]]
    deps: [train.py, lib, data.bin]
    outs: [models/a.bin]
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The current folder: a study of one stage."""
    monkeypatch.chdir(tmp_path)
    for path, text in {
        "dvc.yaml": DVC,
        "params.yaml": "train: {epochs: 5}\n",
        "more.yaml": "a: {b: 1}\n",
        "train.py": "pass\n",
        "lib/a.py": "pass\n",
        "data.bin": "x" * (fingerprint.SMALL + 1),
        "studykit.yaml": "name: s\noutputs: {models: 'models/{model}.bin'}\n",
        "models/a.bin": "model",
        ".dvcignore": "__pycache__\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


class Tracker:
    """Takes down what a stage tells, and answers as the tracker does."""

    def __init__(self, on_outputs):
        stage, self._socket = socket.socketpair()
        self._on_outputs = on_outputs
        self.events = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        connection.offer(connection.Connection(stage, "execution"))

    def _serve(self):
        with self._socket, self._socket.makefile() as lines:
            for event in map(json.loads, lines):
                self.events.append(event)
                if "outputs" in event:
                    self._on_outputs()
                    self._socket.sendall(b'{"logged": true}\n')
                if "status" in event:
                    self._socket.sendall(b'{"done": true}\n')

    def status(self):
        """The status that the run ended with."""
        self._thread.join()
        return self.events[-1]["status"]


@pytest.fixture
def tracker():
    """Start a tracker for a run; it may do something while it logs the outputs."""
    return lambda on_outputs=lambda: None: Tracker(on_outputs)


def write(path, text):
    Path(path).write_text(text, encoding="utf-8")


def edit(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


EDITS = {
    "params.yaml: train.epochs (was 5, is 6)": lambda: write("params.yaml", "train: {epochs: 6}"),
    "train.py": lambda: edit("train.py", "pass\n"),
    "lib/b.py": lambda: edit("lib/b.py", ""),
    "lib/a.py": lambda: os.unlink("lib/a.py"),
    "data.bin": lambda: edit("data.bin", "y"),
    "dvc.yaml: stages.train": lambda: edit("dvc.yaml", "    metrics: [m.json]\n"),
    "more.yaml: a.b (was 1, is 2)": lambda: write("more.yaml", "a: {b: 2}"),
}


@pytest.mark.parametrize("change", EDITS)
def test_an_edit_while_a_stage_runs_fails_it_in_a_line_that_names_it(study, tracker, change):
    tracked = tracker()
    with pytest.raises(UserError) as raised, run("train"):
        EDITS[change]()
    assert str(raised.value) == (
        f"{change}: changed while train ran; its outputs are not those of the new state, "
        "run it again"
    )
    assert tracked.status() == "FAILED"
    assert not any("outputs" in event for event in tracked.events)
    assert tracked.events[0]["fingerprint"]["params"]["train.epochs"] == 5
    assert not (study / "models/origins.json").exists()


@pytest.mark.parametrize("change", EDITS)
def test_an_edit_while_the_outputs_are_logged_fails_the_stage_too(study, tracker, change):
    tracked = tracker(EDITS[change])
    with pytest.raises(UserError, match="changed while train ran"), run("train"):
        pass
    assert tracked.status() == "FAILED"


def test_all_changes_are_named_at_once(study):
    began = fingerprint.take("train")
    EDITS["train.py"]()
    EDITS["lib/b.py"]()
    with pytest.raises(UserError, match=r"^lib/b\.py, train\.py: changed"):
        began.check()


def test_what_leaves_every_input_as_it_was_fails_nothing(study, tracker):
    tracked = tracker()
    with run("train"):
        text = (study / "train.py").read_text()
        (study / "train.py").unlink()
        (study / "train.py").write_text(text)  # another file, of another time
        (study / "lib/__pycache__").mkdir()
        (study / "lib/__pycache__/a.pyc").touch()
        edit("params.yaml", "other: 1\n")
        edit("dvc.yaml", "  other: {cmd: 'true'}\n")
    assert tracked.status() == "FINISHED"


def test_a_stage_has_the_fingerprint_of_when_its_process_began(study, monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "sub/dvc.yaml:train")
    fingerprint.prepare()
    EDITS["train.py"]()
    with pytest.raises(UserError, match=r"^train\.py: changed"):
        fingerprint.claim("train").check()
    fingerprint.claim("train").check()  # of now


def test_the_record_in_mlflow_is_of_what_the_stage_began_with(study):
    began = fingerprint.take("train")
    EDITS["params.yaml: train.epochs (was 5, is 6)"]()
    EDITS["lib/b.py"]()
    now = StageRecord("train", {"train.epochs": 6}, {"train.py": "a", "lib": "b"}, {}, open=print)
    amended = fingerprint.Fingerprint(**json.loads(json.dumps(began.as_json()))).amend(now)
    assert amended.params == {"train.epochs": 5, "more.yaml:a.b": 1}
    assert amended.deps == {"train.py": "a"}


class Logged:
    """A store that takes down the records that it is given, and calls a function after the first.

    Attributes:
        values: all parameters, by each record.
    """

    def __init__(self, on_start):
        self.values, self._on_start = [], on_start

    def start(self, record, *, execution):
        self.values.append(record.values)
        self._on_start()

    def log_outputs(self, run, record, *, upstream, logged_epochs):
        self.values.append(record.values)

    def end(self, run, **event):
        pass


def test_what_the_stage_does_not_declare_is_in_mlflow_as_it_was_when_its_run_began(study):
    """A model is registered under the data's name, which no training declares."""
    begun = {"stage": "train", "execution": "now", "environment": {}, "folder": str(study)}
    begun["fingerprint"] = fingerprint.take("train").as_json()
    logged = Logged(lambda: write("params.yaml", "train: {epochs: 5}\ndata: {name: other}\n"))
    served = tracker_process.Tracker()
    served._store = logged
    here, there = socket.socketpair()
    with here, there:
        for event in (begun, {"outputs": "written"}, {"status": "FINISHED"}):
            there.sendall(json.dumps(event).encode() + b"\n")
        assert served.serve(here)
    assert logged.values == [{"train": {"epochs": 5}}] * 2


def test_the_processor_of_a_model_is_noted_when_its_stage_has_ended_well(study, tracker):
    tracker()
    with run("train"):
        assert not (study / "models/origins.json").exists()
    assert set(json.loads((study / "models/origins.json").read_text())) == {"models/a.bin"}


@pytest.mark.parametrize("broken", ["<<<<<<< HEAD\n", "[1, 2]", "\N{NO-BREAK SPACE}\x00"])
def test_a_broken_list_of_processors_is_a_warning(study, tracker, capsys, broken):
    tracked = tracker()
    (study / "models/origins.json").write_text(broken, encoding="latin-1")
    with run("train"):
        pass
    assert tracked.status() == "FINISHED"
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: models/origins.json: ")
    assert (study / "models/origins.json").read_text(encoding="latin-1") == broken


@pytest.mark.slow
@pytest.mark.parametrize("path", ["params.yaml", "src/imagesets/splits.py"])
def test_dvc_locks_no_stage_that_was_edited_while_it_trained(tiny_repro, tmp_path, path):
    study = tiny_repro.study.copy(tmp_path / "study")
    study.set_params(train_dense__epochs=30)
    lock = study.read("dvc.lock")
    with study.start("dvc repro train_dense 2>&1") as process:
        wait_for(process, "epoch  3")
        if path == "params.yaml":
            study.set_params(train_dense__epochs=2)
        else:
            edit(study.root / path, "# another line\n")
        said = process.stdout.read()
    assert process.returncode != 0
    assert f"error: {path}" in said
    assert "changed while train_dense ran" in said
    assert study.read("dvc.lock") == lock
    run = store(study).one("train_dense")
    assert run.info.status == "FAILED"
    assert run.data.params["epochs"] == "30"
