"""What MLflow holds: the same as DVC, whatever happens on the way."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from mlflow import MlflowClient

from studykit.records.stages import StageRecord
from studykit.tracking import connection, provenance
from studykit.tracking import run as tracking
from studykit.tracking.store import Store
from tests.processes import below, kill, processes_of, wait_until
from tests.runs import store
from tests.tiny_study import ENVIRONMENT

TRAIN = ["python", "-m", "stages.train_dense"]


@pytest.fixture(scope="module")
def runs(tiny_repro):
    return store(tiny_repro.study)


def test_the_run_of_a_net_holds_all_of_it(runs):
    run = runs.one("train_dense")
    assert run.data.params["learning_rate"] == "0.001"
    assert run.data.params["compute.seed"] == "0"
    curve = runs.client.get_metric_history(run.info.run_id, "val/loss")
    assert [point.step for point in curve] == [1, 2]
    assert run.data.metrics["parameters"] == 27_580
    assert 0 <= run.data.metrics["test/accuracy"] <= 1
    assert "plots/train_dense/curves.png" in set(runs.files(run))
    assert len(run.outputs.model_outputs) == 1


def test_a_run_says_which_data_it_learned_from(runs, tiny_repro):
    locked = tiny_repro.study.read("dvc.lock")
    inputs = {
        given.tags[0].value: given.dataset for given in runs.one("train_cnn").inputs.dataset_inputs
    }
    assert set(inputs) == {"training", "validation"}
    for dataset in inputs.values():
        assert dataset.digest in locked
        assert json.loads(dataset.source)["md5"] == dataset.digest
        features = json.loads(dataset.schema)["mlflow_tensorspec"]["features"]
        assert "uint8" in str(features)
    (tested,) = runs.one("evaluate").inputs.dataset_inputs
    assert tested.dataset.name == "mnist-test"


def test_a_run_links_to_dvc_and_git(runs, tiny_repro):
    tags = runs.one("train_dense").data.tags
    lock = tiny_repro.study.read("dvc.lock")
    md5s = {key: value for key, value in tags.items() if key.startswith(("dvc.dep.", "dvc.out."))}
    assert len(md5s) == 19 + 4
    for key, md5 in md5s.items():
        path = key.removeprefix("dvc.dep.").removeprefix("dvc.out.")
        assert f"path: {path}\n      hash: md5\n      md5: {md5}" in lock
    assert tags["git.commit"] == tiny_repro.study("git rev-parse HEAD").stdout.strip()


def test_what_varies_is_in_the_run(runs):
    run = runs.one("train_dense")
    assert run.data.metrics["system/seconds"] > 0
    assert run.data.metrics["system/images_per_second"] > 0
    assert run.data.metrics["system/peak_memory_mb"] > 100
    tags = run.data.tags
    assert tags["version.tensorflow"].startswith("2.")
    assert tags["host"] == socket.gethostname()


def test_an_execution_of_the_pipeline_has_one_tracker_which_ends_with_it(runs, tiny_repro):
    (key,) = {run.data.tags["tracker"] for run in runs.stages}
    wait_until(lambda: provenance.is_gone(key))


@pytest.fixture(scope="module")
def synced(tiny_repro, tmp_path_factory):
    """A study whose store was deleted and written anew from DVC; its results are committed."""
    study = tiny_repro.study.copy(tmp_path_factory.mktemp("synced") / "study")
    output = study("mnist-study sync").stdout
    assert output.splitlines()[-1] == "7 runs added, 0 there already, in 1 revisions"
    study.commit("results")
    return study


def test_sync_brings_back_a_deleted_store(runs, synced):
    restored = store(synced)
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


def test_lineage_goes_both_ways(synced):
    stages = json.loads(synced("mnist-study lineage HEAD --json").stdout)
    names = [row["stage"] for row in stages]
    assert names.index("fetch") < names.index("preprocess") < names.index("train_cnn")
    by_name = {row["stage"]: row for row in stages}
    (run,) = by_name["train_cnn"]["runs"]
    assert run == store(synced).one("train_cnn").info.run_id
    back = json.loads(synced(f"mnist-study lineage {run} --json").stdout)
    commit = synced("git rev-parse --short=7 HEAD").stdout.strip()
    assert back == [{"stage": "train_cnn", "revisions": ["workspace", f"main ({commit})"]}]


@pytest.mark.slow
def test_a_registered_model_is_bit_for_bit_the_one_that_evaluate_scored(synced):
    synced(
        """python - <<'END'
import mlflow, numpy as np, pandas as pd
from stages import *
from mnist_study.scores import prediction
from mnist_study.data import splits
from mnist_study.compute import configure
from mnist_study.params import load
configure(load().compute)
mlflow.set_tracking_uri("sqlite:///mlflow.db")
test = splits.load("data/processed/test.npz")
for net in ("dense", "cnn"):
    wrote = pd.read_csv(f"plots/evaluate/{net}_predictions.csv", dtype={"confidence": "float32"})
    name = f"models:/mnist-{net}@champion"
    p = prediction.predict(mlflow.keras.load_model(name), test)
    assert (p.argmax(axis=1) == wrote["prediction"]).all()
    assert (p.max(axis=1) == wrote["confidence"]).all()
    p = mlflow.pyfunc.load_model(name).predict(test.x[..., None])  # with TensorFlow's softmax
    assert (p.argmax(axis=1) == wrote["prediction"]).all()
    assert np.allclose(p.max(axis=1), wrote["confidence"], rtol=0, atol=1e-6)
END"""
    )


@pytest.mark.slow
def test_one_version_for_a_model_of_the_same_bytes(study):
    study("mnist-study sync")
    study("dvc repro --single-item --force train_dense")
    (version,) = store(study).client.search_model_versions("name = 'mnist-dense'")
    assert version.version in (1, "1")
    assert len(store(study).of("train_dense")) == 2


@pytest.mark.slow
def test_the_champion_is_the_best_on_validation(study):
    study("mnist-study sync")
    study.set_params(train_dense__epochs=8)
    better = study("dvc repro --single-item train_dense").stdout
    assert "version 2" in better
    assert "is the new champion" in better
    study.set_params(train_dense__epochs=1)
    worse = study("dvc repro --single-item train_dense").stdout
    assert "champion stays version 2" in worse
    client = store(study).client
    assert int(client.get_model_version_by_alias("mnist-dense", "champion").version) == 2


@pytest.mark.slow
def test_a_stage_that_fails_leaves_a_failed_run(study):
    (study.root / "data/processed/val.npz").write_bytes(b"no archive")
    failed = study("python -m stages.train_dense", check=False)
    assert failed.returncode == 1
    runs = store(study)
    assert runs.one("train_dense").info.status == "FAILED"
    assert [parent.info.status for parent in runs.parents] == ["FAILED"]


def test_a_stage_that_is_killed_leaves_a_killed_run(study):
    study("python -m stages.fetch")  # makes the store, which the test looks into
    study.set_params(train_dense__epochs=500)
    with start(study, TRAIN) as stage:
        wait_for(stage, "epoch  3")
        stage.send_signal(signal.SIGKILL)
    wait_until(lambda: store(study).one("train_dense").info.status == "KILLED")
    run = store(study).one("train_dense")
    assert len(store(study).client.get_metric_history(run.info.run_id, "val/loss")) >= 2


@pytest.mark.slow
def test_a_tracker_that_is_behind_when_its_stage_is_killed_logs_all_the_same(study):
    study("python -m stages.fetch")  # makes the store, which the test looks into
    study.set_params(train_dense__epochs=500)
    with start(study, TRAIN) as stage:
        wait_for(stage, "epoch  1")
        subprocess.run(["pkill", "-STOP", "-P", str(stage.pid)], check=True)
        (tracker,) = below(stage)
        wait_for(stage, "epoch  9")
        stage.send_signal(signal.SIGKILL)
    tracker.resume()
    wait_until(lambda: store(study).one("train_dense").info.status == "KILLED")
    run = store(study).one("train_dense")
    assert len(store(study).client.get_metric_history(run.info.run_id, "val/loss")) >= 9


@pytest.mark.slow
def test_a_stage_that_is_interrupted_while_its_outputs_are_logged_leaves_a_killed_run(study):
    """For DVC it has failed: its run must not say that it has finished, nor be taken for done."""
    study("python -m stages.fetch")  # makes the store, which the test looks into
    study.set_params(train_dense__epochs=50)
    metrics = study.root / "metrics/train_dense.json"
    with start(study, TRAIN) as stage:
        wait_for(stage, "epoch  1")
        subprocess.run(["pkill", "-STOP", "-P", str(stage.pid)], check=True)
        (tracker,) = below(stage)
        before = metrics.stat().st_mtime_ns
        wait_until(lambda: metrics.stat().st_mtime_ns > before)  # the last of its outputs
        time.sleep(1)
        stage.send_signal(signal.SIGINT)
        assert stage.wait(20) == 130
    tracker.resume()
    wait_until(lambda: store(study).one("train_dense").info.status == "KILLED")


@pytest.mark.slow
def test_a_stage_that_waits_no_longer_for_its_tracker_leaves_a_finished_run(study):
    study("python -m stages.fetch")  # makes the store, which the test looks into
    impatient = (
        "from studykit.tracking import run as tracking\n"
        "tracking.PATIENCE = 0.1\n"
        "with tracking.run('fetch'): pass"
    )
    done = study(f'python -c "{impatient}"', PYTHONPATH="src")
    assert "no answer from the tracking store within 0.1 seconds" in done.stderr
    wait_until(lambda: store(study).statuses() == {"FINISHED"})


@pytest.mark.slow
def test_a_run_whose_tracker_is_killed_too_is_closed_by_the_next_one(study):
    study("python -m stages.fetch")  # makes the store, which the test looks into
    study.set_params(train_dense__epochs=5000)
    with start(study, TRAIN) as stage:
        wait_until(lambda: "RUNNING" in [run.info.status for run in store(study).of("train_dense")])
        subprocess.run(["pkill", "-KILL", "-P", str(stage.pid)], check=True)
        stage.send_signal(signal.SIGKILL)
    assert "RUNNING" in store(study).statuses()
    study("git checkout -q params.yaml")
    study("mnist-study sync")
    assert store(study).statuses() == {"KILLED", "FINISHED"}


@pytest.mark.slow
def test_a_worker_that_runs_experiments_has_one_tracker_which_knows_them_apart(study):
    experiments = {"first": "fetch", "second": "preprocess"}
    below_dvc = "DVC_EXP_NAME={} bash -c 'python -m studykit.start stages.{}; exit $?' dvc"
    one_by_one = " && ".join(below_dvc.format(*pair) for pair in experiments.items())
    subprocess.run(
        ["bash", "-c", f"{one_by_one}; exit $?", "dvc"], cwd=study.root, env=ENVIRONMENT, check=True
    )
    runs = {name: store(study).one(stage) for name, stage in experiments.items()}
    assert {name: run.data.tags["dvc.experiment"] for name, run in runs.items()} == {
        name: name for name in experiments
    }
    assert len({run.data.tags["execution"] for run in runs.values()}) == 2
    assert len({run.data.tags["tracker"] for run in runs.values()}) == 1


@pytest.mark.slow
def test_a_stage_whose_pipeline_has_lost_its_tracker_starts_another_one(study):
    one = "python -m studykit.start stages.{}"
    two = f"{one.format('fetch')} && echo fetched && read && {one.format('preprocess')}"
    pipeline = ["bash", "-c", two, "dvc"]  # by its name, what DVC is to a stage
    with start(study, pipeline, stdin=subprocess.PIPE) as process:
        wait_for(process, "fetched")
        kill(trackers(study))
        process.communicate("\n")
    assert process.returncode == 0
    assert store(study).statuses() == {"FINISHED"}
    runs = [store(study).one(stage) for stage in ("fetch", "preprocess")]
    assert len({run.data.tags["tracker"] for run in runs}) == 2
    assert len({run.data.tags["execution"] for run in runs}) == 1


def test_a_tracker_that_does_not_answer_is_left_to_itself(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tracking, "PATIENCE", 0.1)
    address = tmp_path / "address"
    address.touch()
    stage, tracker = socket.socketpair()
    connection.offer(connection.Connection(stage, "", address))
    with tracker, tracking.run("fetch"):
        pass
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: MLflow: no answer from the tracking store within 0.1 s")
    assert not address.exists()  # so the next stage starts another one


def test_a_tracker_that_dies_is_warned_about(tmp_path, capsys):
    stage, tracker = socket.socketpair()
    connection.offer(connection.Connection(stage, "", tmp_path))
    with tracking.run("fetch"):
        tracker.close()
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning == (
        "warning: MLflow: the tracker has died; the stage's outputs are complete; "
        "run `mnist-study sync` later to add them to MLflow"
    )


@pytest.mark.slow
def test_a_server_that_refuses_costs_no_training(study):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://ann:s3cret@127.0.0.1:{unused.getsockname()[1]}"
    assert_survives(study, uri)


@pytest.mark.slow
def test_a_server_that_never_answers_costs_ten_seconds_at_most(study):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert_survives(study, uri)


def assert_survives(study, uri):
    """A stage finishes, warns in one line, and waits little longer than without a server."""
    began = time.monotonic()
    study("python -m stages.preprocess")
    alone = time.monotonic() - began
    metrics = study.root / "metrics/preprocess.json"
    before = metrics.read_bytes()
    metrics.unlink()
    began = time.monotonic()
    completed = study("python -m stages.preprocess", MLFLOW_TRACKING_URI=uri)
    assert time.monotonic() - began < alone + 10
    assert metrics.read_bytes() == before
    (warning,) = completed.stderr.splitlines()
    assert warning.startswith("warning: MLflow: ")
    assert "mnist-study sync" in warning
    assert "s3cret" not in warning


def start(study, command, **streams):
    return subprocess.Popen(
        command, cwd=study.root, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, **streams
    )


def trackers(study):
    """The tracking processes that run in a study's folder."""
    in_folder = processes_of(str(study.root))
    return [process for process in processes_of("tracker") if process in in_folder]


def wait_for(stage, text):
    for line in stage.stdout:
        if text in line:
            return
    raise AssertionError(f"the stage ended before it printed {text!r}")


def test_a_stages_peak_of_memory_is_its_own_and_not_that_of_what_started_it():
    mine = "from studykit.tracking.run import peak_memory; print(peak_memory())"
    run = f"subprocess.run([sys.executable, '-c', {mine!r}])"
    large = f"import subprocess, sys; held = b'x' * len(sys.argv[1]) * 2**28; {run}"
    command = [sys.executable, "-c", large, "x"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert 2**22 < int(said) < 2**27


def test_a_stage_that_refuses_its_parameters_leaves_no_store(study):
    study.set_params(train_dense__epochs=0)
    refused = study("python -m stages.train_dense", check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: params.yaml: train_dense.epochs: ")
    wait_until(lambda: not trackers(study))
    assert not (study.root / "mlflow.db").exists()


def test_a_process_that_nobody_has_buried_is_gone():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    key = provenance.process_key(psutil.Process(process.pid))
    assert not provenance.is_gone(key)
    process.stdin.close()
    wait_until(lambda: provenance.is_gone(key))
    process.wait()
    assert provenance.is_gone(key)


def test_runs_that_begin_at_once_share_their_new_data_sets(tmp_path, monkeypatch):
    uri = f"sqlite:///{tmp_path}/shared.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    hosts = [tmp_path / "a", tmp_path / "b"]
    for host in hosts:
        host.mkdir()
    stores = [Store.connect(host) for host in hosts]
    at_once = threading.Barrier(len(stores))

    def begin(store, digest):
        data = {f"data/processed/{part}.npz": digest for part in ("train", "val")}
        record = StageRecord("train_dense", {}, data, {}, open=lambda path: None)
        at_once.wait()
        return store.start(record, execution=digest)

    client = MlflowClient(uri)
    with ThreadPoolExecutor(len(stores)) as threads:
        for digest in map(str, range(20)):
            runs = list(threads.map(begin, stores, [digest] * len(stores)))
            for store, run in zip(stores, runs, strict=True):
                assert len(client.get_run(run).inputs.dataset_inputs) == 2
                store.end(run, status="FINISHED")


def test_a_run_that_ends_while_another_tracker_looks_for_abandoned_ones_stays_finished(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    Store.connect(tmp_path)
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name = 'mnist-study'")
    ended, abandoned = [
        client.create_run(experiment.experiment_id, tags={"tracker": tracker}).info.run_id
        for tracker in ("ends now", "killed")
    ]

    def is_gone(tracker):
        if tracker == "ends now":
            client.set_terminated(ended, "FINISHED")
        return True

    monkeypatch.setattr(provenance, "is_gone", is_gone)
    Store.connect(tmp_path)
    assert client.get_run(ended).info.status == "FINISHED"
    assert client.get_run(abandoned).info.status == "KILLED"
