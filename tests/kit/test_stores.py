"""MLflow's store under load, elsewhere, full or gone, with real servers and real queues."""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import answers, free_port, wait_until
from tests.runs import Runs, store
from tests.tiny_study import ENVIRONMENT

pytestmark = pytest.mark.slow


def test_four_experiments_at_once_on_a_fresh_store(study):
    study.commit("results")
    study("dvc exp run --queue -S 'train_dense.learning_rate=0.001,0.003,0.0003,0.01'")
    study("dvc queue start -j 4")
    wait_until(
        lambda: (
            "Running" not in (queue := study("dvc queue status").stdout) and "Queued" not in queue
        ),
        seconds=300,
    )
    assert study("dvc queue status").stdout.count("Success") == 4
    study("mnist-study sync --all")
    runs = store(study)
    assert runs.statuses() == {"FINISHED"}
    rates = {run.data.params["learning_rate"]: run for run in runs.of("train_dense")}
    assert sorted(rates) == ["0.0003", "0.001", "0.003", "0.01"]
    live = {rate: run for rate, run in rates.items() if "restored" not in run.data.tags}
    assert set(live) >= {"0.003", "0.0003", "0.01"}
    baseline = study("git show HEAD:params.yaml").stdout
    for rate, run in live.items():
        name = run.data.tags["dvc.experiment"]
        if f"learning_rate: {rate}\n" not in baseline:
            name = f"train_dense.learning_rate={rate} · {name}"
        assert run.info.run_name == f"train_dense · {name}"
        (parent,) = [
            parent
            for parent in runs.parents
            if parent.info.run_id == run.data.tags["mlflow.parentRunId"]
        ]
        assert parent.info.run_name == name
        assert "test_accuracy" in run.data.metrics
        assert str(study.root) in run.info.artifact_uri
    keys = [run.data.tags["dvc.key"] for run in runs.stages]
    assert len(keys) == len(set(keys))


@pytest.fixture
def postgresql():
    """The URI of a database in a PostgreSQL server of the test's own."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [shutil.which("initdb")]
    if found == [None]:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    # Not in pytest's folder, which is for one user alone, and PostgreSQL refuses to run as root.
    programs, data, port = Path(found[-1]).parent, Path(tempfile.mkdtemp()), free_port()
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(data, "postgres")

    def run(*words):
        subprocess.run([*user, *words], check=True, stdout=subprocess.DEVNULL, cwd="/")

    run(programs / "initdb", "-D", data, "-U", "mlflow", "-A", "trust")
    options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -c fsync=off"
    run(programs / "pg_ctl", "-D", data, "-o", options, "-l", data / "log", "-w", "start")
    yield f"postgresql+psycopg2://mlflow@127.0.0.1:{port}/postgres"
    run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(data)


@contextmanager
def mlflow_server(folder, backend):
    """A tracking server that takes in artefacts itself; gives its URI and its process."""
    port = free_port()
    server = subprocess.Popen(
        [
            "mlflow",
            "server",
            "--backend-store-uri",
            backend,
            "--port",
            str(port),
            "--workers",
            "1",
            "--serve-artifacts",
            "--artifacts-destination",
            str(folder / "artifacts"),
        ],
        cwd=folder,
        env=ENVIRONMENT | {"MLFLOW_DISABLE_TELEMETRY": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: answers(port), seconds=90)
        yield f"http://127.0.0.1:{port}", server
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(server.pid)], check=False)
        server.wait()


def test_a_server_on_postgresql_takes_everything_in(study, tmp_path, postgresql, tiny_repro):
    with mlflow_server(tmp_path, postgresql) as (uri, _):
        study.set_params(train_dense__epochs=3)
        study("dvc repro", MLFLOW_TRACKING_URI=uri)
        assert not (study.root / "mlflow.db").exists()
        study("mnist-study sync", MLFLOW_TRACKING_URI=uri)
        runs = Runs(uri)
        assert len(runs.stages) == 7
        assert runs.statuses() == {"FINISHED"}
        run = runs.one("train_dense")
        assert "restored" not in run.data.tags
        assert "test_accuracy" in run.data.metrics
        assert "plots/train_dense/history.csv" in set(runs.files(run))
        assert run.info.artifact_uri.startswith("mlflow-artifacts:")
        champion = runs.client.get_model_version_by_alias("mnist-dense", "champion")
        model_id = champion.source.removeprefix("models:/")
        stored = list((tmp_path / "artifacts").rglob(f"{model_id}/**/model.keras"))
        assert [p.read_bytes() for p in stored] == [
            (study.root / "models/dense.keras").read_bytes()
        ]


def test_a_server_that_dies_midway_costs_no_training(study, tmp_path):
    study.set_params(train_dense__epochs=60)
    with mlflow_server(tmp_path, f"sqlite:///{tmp_path}/server.db") as (uri, server):
        with subprocess.Popen(
            ["python", "-m", "stages.train_dense"],
            cwd=study.root,
            env=ENVIRONMENT | {"MLFLOW_TRACKING_URI": uri},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as stage:
            for line in stage.stdout:
                if line.startswith("epoch  3"):
                    break
            wait_until(lambda: Runs(uri).of("train_dense"), seconds=30)
            subprocess.run(["pkill", "-KILL", "-s", str(server.pid)], check=True)
            for _ in stage.stdout:
                last_epoch = time.monotonic()
            (warning,) = stage.stderr.read().splitlines()
        assert stage.returncode == 0
        assert time.monotonic() - last_epoch < 10
        assert "mnist-study sync" in warning
    assert len((study.root / "plots/train_dense/history.csv").read_text().splitlines()) == 61
    study("dvc commit --force")
    with mlflow_server(tmp_path, f"sqlite:///{tmp_path}/server.db") as (uri, _):
        study("mnist-study sync", MLFLOW_TRACKING_URI=uri)
        runs = Runs(uri)
        assert "RUNNING" not in runs.statuses()
        finished = [run for run in runs.of("train_dense") if run.info.status == "FINISHED"]
        assert len(finished) == 1
        assert len(runs.client.get_metric_history(finished[0].info.run_id, "val/loss")) == 60


def test_a_full_disk_of_the_store_costs_no_training(study, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", full]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here: needs root")
    try:
        uri = f"sqlite:///{full}/mlflow.db"
        completed = study("python -m stages.preprocess", MLFLOW_TRACKING_URI=uri)
    finally:
        subprocess.run(["umount", full], check=True)
    (warning,) = completed.stderr.splitlines()
    assert "full" in warning
    assert "mnist-study sync" in warning
    assert (study.root / "metrics/preprocess/test.json").is_file()
