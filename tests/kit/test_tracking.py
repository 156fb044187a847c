"""What MLflow holds: the same as DVC, whatever happens on the way."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from studykit import processes
from studykit.tracking import connection
from studykit.tracking import run as tracking
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
    assert run.data.metrics["val/parameters"] == 27_580
    assert 0 <= run.data.metrics["test_low"] <= run.data.metrics["test_accuracy"] <= 1
    # Neither metric says of which images it is; the curve has both of val.
    assert not {"accuracy", "loss"} & set(run.data.metrics)
    assert "plots/report/dense/curves.png" in set(runs.files(run))
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
    run = runs.one("train_dense")
    tags = run.data.tags
    lock = tiny_repro.study.read("dvc.lock")
    known = json.loads(
        Path(runs.client.download_artifacts(run.info.run_id, "dvc.json")).read_text()
    )
    assert (len(known["deps"]), len(known["outs"])) == (8, 3)  # what dvc.yaml lists
    for path, md5 in (known["deps"] | known["outs"]).items():
        assert f"path: {path}\n      hash: md5\n      md5: {md5}" in lock
    assert tags["git.commit"] == tiny_repro.study("git rev-parse HEAD").stdout.strip()


def test_what_varies_is_in_the_run(runs):
    run = runs.one("train_dense")
    assert run.data.metrics["system/seconds"] > 0
    assert run.data.metrics["system/images_per_second"] > 0
    assert run.data.metrics["system/peak_memory_mb"] > 100
    tags = run.data.tags
    assert re.search(r"\btensorflow 2\.\d", tags["versions"])
    assert tags["host"] == socket.gethostname()


def test_a_row_of_the_table_says_what_came_of_an_execution_and_of_what(runs, tiny_repro):
    (parent,) = runs.parents
    tested = json.loads(tiny_repro.study.read("metrics/test/cnn.json"))
    trained = json.loads(tiny_repro.study.read("metrics/val/cnn.json"))
    assert set(parent.data.metrics) == {
        f"{net} {split} accuracy" for net in ("dense", "cnn") for split in ("test", "val")
    }
    found = parent.data.metrics
    assert found["cnn test accuracy"] == pytest.approx(tested["accuracy"], 1e-5)
    assert found["cnn val accuracy"] == pytest.approx(trained["accuracy"], 1e-5)
    assert parent.data.params["train_dense.epochs"] == "2"
    assert "diff.threshold" not in parent.data.params  # no stage reads it
    assert {given.dataset.name for given in parent.inputs.dataset_inputs} == {
        "mnist-train", "mnist-val", "mnist-test",
    }  # fmt: skip
    shown = {
        runs.client.get_logged_model(output.model_id).source_run_id
        for output in parent.outputs.model_outputs
    }
    assert (len(parent.outputs.model_outputs), shown) == (2, {parent.info.run_id})
    tags = parent.data.tags
    assert tags["mlflow.note.content"].startswith(
        f"cnn test accuracy {tested['accuracy']:.4g} ({tested['low']:.4g} to "
    )
    assert (tags["mlflow.source.name"], "changed" in tags) == ("dvc.yaml", False)


def test_an_execution_of_the_pipeline_has_one_tracker_which_ends_with_it(runs, tiny_repro):
    (key,) = {run.data.tags["tracker"] for run in runs.stages}
    wait_until(lambda: processes.is_gone(key))


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
    wait_until(lambda: [run.info.status for run in store(study).of("train_dense")] == ["KILLED"])
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
    wait_until(lambda: [run.info.status for run in store(study).of("train_dense")] == ["KILLED"])
    run = store(study).one("train_dense")
    assert len(store(study).client.get_metric_history(run.info.run_id, "val/loss")) >= 9


@pytest.mark.slow
def test_a_stage_that_is_interrupted_while_its_outputs_are_logged_leaves_a_killed_run(study):
    """For DVC it has failed: its run must not say that it has finished, nor be taken for done."""
    study("python -m stages.fetch")  # makes the store, which the test looks into
    study.set_params(train_dense__epochs=50)
    metrics = study.root / "metrics/val/dense.json"
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
    wait_until(lambda: [run.info.status for run in store(study).of("train_dense")] == ["KILLED"])


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
    metrics = study.root / "metrics/preprocess/test.json"
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
