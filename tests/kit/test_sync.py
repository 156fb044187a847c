"""Whatever DVC has and MLflow lacks is written: runs, and what is missing of them."""

import os
import shutil
import sqlite3
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import ViewType

from studykit.tracking import provenance
from studykit.tracking.store import Store
from tests.kit import hand_made
from tests.kit.hand_made import HISTORY, as_json, origin, record, training
from tests.runs import store

NAME = "toy-dense"


@pytest.fixture(scope="module")
def synced(tiny_repro, tmp_path_factory):
    """A study whose store was deleted and written anew from DVC; its results are committed."""
    study = tiny_repro.study.copy(tmp_path_factory.mktemp("synced") / "study")
    output = study("mnist-study sync").stdout
    assert output.splitlines()[-1] == "7 runs added, 0 there already, in 1 revisions"
    study.commit("results")
    return study


def test_sync_brings_back_a_deleted_store(tiny_repro, synced):
    runs, restored = store(tiny_repro.study), store(synced)
    assert len(restored.stages) == len(runs.stages) == 7
    for run in runs.stages:
        copy = restored.one(run.data.tags["dvc.stage"])
        assert restored.history(copy) == runs.history(run)
        assert copy.data.params == run.data.params
        assert sorted(restored.files(copy)) == sorted(runs.files(run))
        assert copy.data.tags["dvc.key"] == run.data.tags["dvc.key"]
        assert copy.data.tags["restored"] == "true"
        assert len(copy.outputs.model_outputs) == len(run.outputs.model_outputs)
    assert restored.statuses() == {"FINISHED"}


def test_sync_adds_nothing_twice(synced):
    output = synced("mnist-study sync --all").stdout
    assert output == "0 runs added, 14 there already, in 2 revisions\n"
    assert len(store(synced).stages) == 7


def test_sync_completes_what_was_deleted(study):
    study("mnist-study sync")
    runs = store(study)
    (version,) = runs.client.search_model_versions("name = 'mnist-dense'")
    runs.client.delete_model_version("mnist-dense", version.version)
    said = study("mnist-study sync").stdout.splitlines()
    assert said[-2].startswith("completed train_dense of workspace: version ")
    assert said[-1] == "0 runs added, 7 there already (1 completed), in 1 revisions"


@pytest.mark.slow
def test_sync_restores_a_stage_that_came_from_the_cache(study):
    study.commit("results")
    study.set_params(train_dense__epochs=1)
    study("dvc repro train_dense")
    study("git checkout -q . && dvc checkout")
    assert "Running" not in study("dvc repro").stdout
    assert len(store(study).of("train_dense")) == 1
    study("mnist-study sync")
    epochs = sorted(run.data.params["epochs"] for run in store(study).of("train_dense"))
    assert epochs == ["1", "2"]


def test_a_version_that_was_deleted_is_written_again_with_its_alias(tiny):
    connected, trained = tiny.connect(), training(tiny.files)
    connected.restore(trained, origin())
    tiny.written().client.delete_model_version(NAME, "1")
    written, lacking = connected.complete(trained)
    (number,) = tiny.written().versions(NAME)
    assert written == [f"version {number} of {NAME}"]
    assert lacking == []
    assert tiny.written().aliases(NAME) == {"champion": number}
    assert connected.complete(trained) == ([], [])


def test_a_model_that_was_deleted_is_written_again_and_its_version_leads_to_it(tiny):
    connected, trained = tiny.connect(), training(tiny.files)
    connected.restore(trained, origin())
    (output,) = tiny.written().run("train_dense").outputs.model_outputs
    tiny.written().client.set_registered_model_alias(NAME, "served", "1")
    tiny.written().client.delete_logged_model(output.model_id)
    connected.complete(trained)
    aliases = tiny.written().aliases(NAME)
    assert aliases["champion"] == aliases["served"] != 1
    (version,) = tiny.written().versions(NAME).values()
    assert version.source.removeprefix("models:/") != output.model_id
    tiny.written().client.get_logged_model(version.source.removeprefix("models:/"))


def test_an_alias_that_was_deleted_is_given_again(tiny):
    connected, trained = tiny.connect(), training(tiny.files)
    connected.restore(trained, origin())
    tiny.written().client.delete_registered_model_alias(NAME, "champion")
    assert connected.complete(trained) == ([f"alias champion of {NAME}"], [])
    assert tiny.written().aliases(NAME) == {"champion": 1}


def test_a_parent_that_was_deleted_is_written_again(tiny):
    connected, trained = tiny.connect(), training(tiny.files)
    connected.restore(trained, origin())
    (parent,) = tiny.written().runs("pipeline")
    tiny.written().client.delete_run(parent.info.run_id)
    assert connected.complete(trained) == (["the parent run"], [])
    (again,) = tiny.written().runs("pipeline")
    assert again.info.run_name == parent.info.run_name
    assert again.info.status == "FINISHED"
    stage = tiny.written().run("train_dense")
    assert stage.data.tags["mlflow.parentRunId"] == again.info.run_id


def test_what_was_not_to_be_had_is_said_and_completed_next_time(tiny):
    lacking = ["models/dense.keras", "plots/train_dense/history.csv"]
    trained = training(tiny.files, lacking=lacking)
    connected = tiny.connect()
    assert sorted(connected.restore(trained, origin())) == sorted(lacking)
    written, still = connected.complete(trained)
    assert (written, sorted(still)) == ([], sorted(lacking))
    paths, lacking[:] = list(lacking), []
    written, still = connected.complete(trained)
    assert set(paths) < set(written)
    assert still == []
    run = tiny.written().run("train_dense")
    assert run.data.metrics["val/loss"] == 0.4
    assert tiny.written().aliases(NAME) == {"champion": 1}
    assert connected.complete(trained) == ([], [])


def test_tests_of_a_model_whose_run_came_later_are_completed(tiny):
    connected, trained = tiny.connect(), training(tiny.files)
    deps = {"models/dense.keras": trained.open("models/dense.keras").read_bytes()}
    outs = {"metrics/test.json": as_json(dense={"test/accuracy": 0.5})}
    tested = record(tiny.files, "test", deps=deps, outs=outs)
    for each in (tested, trained):
        connected.restore(each, origin())
    assert connected.complete(tested) == (["metrics/test.json"], [])
    assert tiny.written().run("train_dense").data.metrics["test_accuracy"] == 0.5
    assert connected.complete(tested) == ([], [])


def test_workspaces_of_several_people_have_parents_of_their_own(tiny, monkeypatch):
    connected = tiny.connect()
    for number, user in enumerate(("ann", "bob")):
        monkeypatch.setattr(provenance.getpass, "getuser", lambda user=user: user)
        trained = training(tiny.files, accuracy=number / 10)
        connected.restore(trained, provenance.restored("workspace", commit=None))
    parents = {run.info.run_name: run for run in tiny.written().runs("pipeline")}
    host = provenance.socket.gethostname()
    assert set(parents) == {f"workspace of {user}@{host}:{tiny.folder}" for user in ("ann", "bob")}
    assert len({run.data.tags["mlflow.parentRunId"] for run in tiny.written().runs()}) == 2
    bobs = parents[f"workspace of bob@{host}:{tiny.folder}"].data.tags
    assert (bobs["mlflow.user"], bobs["host"], bobs["folder"]) == ("bob", host, str(tiny.folder))


def test_syncs_of_several_hosts_at_once_leave_one_run_a_record(tiny, tmp_path, monkeypatch):
    """The hosts share a server, here a database, but no file to lock."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{tiny.uri}?timeout=60")
    hosts = [tmp_path / name for name in "abc"]
    for host in hosts:
        host.mkdir()
        (host / "studykit.yaml").write_text(hand_made.STUDY)
    stores = [Store.connect(host, on_news=lambda text: None) for host in hosts]
    deps = {"plots/train_dense/history.csv": HISTORY}
    records = [
        training(tiny.files),
        training(tiny.files, "cnn"),
        record(tiny.files, "draw", deps=deps, outs={"figures/dense/a.png": b"1"}),
    ]
    at_once = threading.Barrier(len(hosts), timeout=60)

    def sync(connected):
        for each in records:
            assert connected.find(each.key) == []
            at_once.wait()
            connected.restore(each, origin())

    with ThreadPoolExecutor(len(hosts)) as threads:
        list(threads.map(sync, stores))
    written = tiny.written()
    assert sorted(run.data.tags["dvc.stage"] for run in written.runs()) == [
        "draw", "train_cnn", "train_dense",
    ]  # fmt: skip
    (parent,) = written.runs("pipeline")
    assert {run.data.tags["mlflow.parentRunId"] for run in written.runs()} == {parent.info.run_id}
    assert {run.info.status for run in [*written.runs(), parent]} == {"FINISHED"}
    for name in (NAME, "toy-cnn"):
        (version,) = written.versions(name).values()
        assert written.client.get_run(version.run_id).info.lifecycle_stage == "active"
        assert written.aliases(name) == {"champion": int(version.version)}


def test_duplicates_that_an_earlier_sync_left_are_cleaned_up(tiny):
    connected, trained = tiny.connect(), training(tiny.files)
    connected.restore(trained, origin())
    (kept,) = tiny.written().runs()
    client = tiny.written().client
    copy = client.create_run(kept.info.experiment_id, kept.info.start_time + 1, kept.data.tags)
    client.set_terminated(copy.info.run_id)
    connected.complete(trained)
    assert [run.info.run_id for run in tiny.written().runs()] == [kept.info.run_id]
    assert len(tiny.written().runs(view=ViewType.DELETED_ONLY)) == 1


def test_runs_that_were_executed_twice_are_both_kept(tiny):
    connected, trained = tiny.connect(), training(tiny.files)
    for execution in ("first", "second"):
        run = connected.start(trained, execution=execution)
        connected.log_outputs(run, trained)
        connected.end(run, status="FINISHED")
    connected.complete(trained)
    assert len(tiny.written().runs()) == 2


@pytest.mark.parametrize("name", ["a 25%25 b", "what?", "#1", "ä 'b'"])
def test_a_repository_may_have_any_path(tmp_path, empty_database, monkeypatch, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "studykit.yaml").write_text(hand_made.STUDY)
    shutil.copy(empty_database, folder / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.chdir(folder)
    trained = training(tmp_path / "files")
    Store.connect().restore(trained, origin())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["files", name])
    (model,) = (folder / "mlartifacts").rglob("model.keras")
    assert model.read_bytes() == trained.open("models/dense.keras").read_bytes()
    (again,) = Store.connect().find(trained.key)
    assert again


def test_a_relative_store_lies_at_the_repositorys_root_wherever_a_stage_runs(tiny, monkeypatch):
    temporary = tiny.folder / "temporary"
    temporary.mkdir()
    monkeypatch.chdir(temporary)
    monkeypatch.setenv("DVC_ROOT", str(tiny.folder))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs.db")
    tiny.connect().restore(training(tiny.files), origin())
    assert (tiny.folder / "runs.db").is_file()
    assert list((tiny.folder / "mlartifacts").rglob("model.keras"))
    assert list(temporary.iterdir()) == []


def move(tiny, monkeypatch, *, artefacts=True):
    """Copy the repository, and go there; give its folder."""
    other = tiny.folder.with_name("copy")
    shutil.copytree(tiny.folder, other)
    if not artefacts:
        shutil.rmtree(other / "mlartifacts")
    monkeypatch.chdir(other)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    return other


def test_a_copied_repository_reads_and_writes_its_own_artefacts(tiny, monkeypatch):
    tiny.connect().restore(training(tiny.files), origin())
    other = move(tiny, monkeypatch)
    shutil.rmtree(tiny.folder)
    connected = Store.connect(on_news=tiny.news.append)
    assert f"moved or copied from {tiny.folder}" in tiny.news[-1]
    mlflow.set_tracking_uri(f"sqlite:///{other}/mlflow.db")
    loaded = mlflow.artifacts.download_artifacts(f"models:/{NAME}@champion")
    assert Path(loaded, "data", "model.keras").is_file()
    connected.restore(training(tiny.files, accuracy=0.5), origin())
    assert not tiny.folder.exists()
    assert len(list((other / "mlartifacts").rglob("model.keras"))) == 2
    tiny.news.clear()
    Store.connect(on_news=tiny.news.append)
    assert tiny.news == []


def test_a_store_that_was_copied_without_its_artefacts_says_where_they_are(tiny, monkeypatch):
    tiny.connect().restore(training(tiny.files), origin())
    other = move(tiny, monkeypatch, artefacts=False)
    Store.connect(on_news=tiny.news.append)
    assert f"copy that folder to {other / 'mlartifacts'}" in tiny.news[-1]
    with sqlite3.connect(other / "mlflow.db") as database:
        (uri,) = database.execute(
            "SELECT artifact_uri FROM runs WHERE name LIKE 'train%'"
        ).fetchone()
    assert uri.startswith(tiny.folder.as_uri())


def test_a_store_whose_making_is_killed_is_made_the_next_time(tmp_path):
    """MLflow never opens a store again whose tables are half made."""
    (tmp_path / "studykit.yaml").write_text(hand_made.STUDY)
    connect = "from studykit.tracking.store import Store; Store.connect()"
    killed = (
        "import os; from mlflow.store.db import utils; "
        "utils._upgrade_db = lambda engine: os._exit(9); " + connect
    )
    environment = {k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"}

    def run(code):
        command = [os.sys.executable, "-c", code]
        return subprocess.run(command, cwd=tmp_path, env=environment, check=False).returncode

    assert run(killed) == 9
    assert not (tmp_path / "mlflow.db").exists()
    assert run(connect) == 0
    assert (tmp_path / "mlflow.db").is_file()
