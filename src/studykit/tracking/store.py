"""All that is known of MLflow. Nothing else imports it.

A run is written from a StageRecord: its parameters, the files behind its outputs, their MD5s. A
live run and one that is restored later from DVC take the same path, so they hold the same.
"""

import fcntl
import json
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
# A dead server is given up on after seconds, not the minutes that are MLflow's default.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")

from studykit.imports import large_imports

with large_imports():
    import mlflow
    import numpy as np
    import pandas as pd
    import psutil
    from mlflow import MlflowClient, pyfunc
    from mlflow.entities import (
        Dataset,
        DatasetInput,
        InputTag,
        LoggedModelOutput,
        Metric,
        Param,
        RunTag,
        ViewType,
    )
    from mlflow.exceptions import MlflowException as StoreError
    from mlflow.models import Model, ModelSignature
    from mlflow.models.utils import _save_example
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
    from mlflow.types import Schema, TensorSpec

from mnist_study.data.mnist import IMAGE_SIZE, NUM_CLASSES
from studykit.files import read_json
from studykit.tracking import provenance

EXPERIMENT = "mnist-study"
EXPERIMENT_NOTE = (
    "Two networks on MNIST, trained and judged by a DVC pipeline. A parent is one execution of the "
    "pipeline; its children are the stages. Compare the runs train_dense and train_cnn."
)
RUNNING = "RUNNING"
IMAGE_SHAPE = (-1, IMAGE_SIZE, IMAGE_SIZE)
CONTEXTS = {"train": "training", "val": "validation", "test": "testing"}


class Store:
    """The experiment's runs and models in one tracking store."""

    def __init__(self, client, experiment_id, lock, *, on_progress, on_news):
        self._client = client
        self._experiment_id = experiment_id
        self._lock = lock
        self._on_progress = on_progress
        self._on_news = on_news
        self._monitor = None

    @classmethod
    def connect(cls, root=None, *, on_progress=lambda: None, on_news=print):
        """Open the store that MLFLOW_TRACKING_URI names, or the one at the repository's root.

        Args:
            root: the repository; by default the one that DVC names, or the current folder. In a
                queued experiment that is not the current folder.
            on_progress: called after each step that needed the store.
            on_news: called with a sentence for the user.

        Raises:
            StoreError: the store cannot be reached.
        """
        root = Path(root or os.environ.get("DVC_ROOT", ".")).resolve()
        # Processes that write to one SQLite file wait for each other up to a minute.
        local = f"sqlite:///{root}/mlflow.db?timeout=60"
        uri = os.environ.get("MLFLOW_TRACKING_URI") or local
        lock = root / "mlflow.db.lock"
        # Two processes that make a fresh SQLite store at once break it.
        with _locked(lock), large_imports():  # MLflow imports what it needs for this kind of store
            # The registry looks a model up in the global store, which in the folder of a queued
            # experiment would be another one.
            mlflow.set_tracking_uri(uri)
            client = MlflowClient(uri)
            artifacts = (root / "mlartifacts").as_uri() if uri == local else None
            experiment_id = _experiment(client, artifacts)
        store = cls(client, experiment_id, lock, on_progress=on_progress, on_news=on_news)
        store._close_abandoned()
        on_progress()
        return store

    def start(self, record, *, execution):
        """Open the run of a stage that is running now.

        Args:
            record: StageRecord.
            execution: key of the pipeline's execution.

        Returns:
            The run's id.
        """
        run = self._create(record, provenance.here(execution))
        self._monitor = SystemMetricsMonitor(run, tracking_uri=self._client.tracking_uri)
        self._monitor.start()
        self._on_progress()
        return run

    def find(self, key):
        """The finished runs of a StageRecord's key, newest first, as ids."""
        found = self._search(f"tags.`dvc.key` = '{key}' and attributes.status = 'FINISHED'")
        return [run.info.run_id for run in found]

    def restore(self, record, origin):
        """Write the run of a stage from what DVC has of it.

        Args:
            record: StageRecord.
            origin: Provenance.

        Returns:
            The run's id.
        """
        run = self._create(record, origin)
        self.log_outputs(run, record)
        self.end(run, status="FINISHED")
        return run

    def stages_of(self, run):
        """What DVC knows a run by.

        Args:
            run: id, of a stage's run or of a pipeline's.

        Returns:
            dict: stage to the key of its StageRecord, or to None when it did not finish.

        Raises:
            StoreError: no such run.
        """
        tags = self._client.get_run(run).data.tags
        if tags.get("kind") == "pipeline":
            runs = self._search(f"tags.mlflow.parentRunId = '{run}'")
        else:
            runs = [self._client.get_run(run)]
        return {each.data.tags["dvc.stage"]: each.data.tags.get("dvc.key") for each in runs}

    def log_history(self, run, rows):
        """Log metrics by epoch.

        Args:
            run: id.
            rows: dicts of epoch and metrics by name.
        """
        now = _now()
        metrics = [
            Metric(name, float(value), now, int(row["epoch"]))
            for row in rows
            for name, value in row.items()
            if name != "epoch"
        ]
        for start in range(0, len(metrics), 1000):  # as many as MLflow takes at once
            self._client.log_batch(run, metrics=metrics[start : start + 1000])

    def log_outputs(self, run, record, *, logged_epochs=()):
        """Log what a stage has put out, each kind of file in its way.

        Args:
            run: id.
            record: StageRecord.
            logged_epochs: epochs of the history that are in the run already.
        """
        tags = {f"dvc.out.{path}": md5 for path, md5 in record.outs.items()}
        tags["dvc.key"] = record.key
        self._client.log_batch(run, tags=[RunTag(*tag) for tag in tags.items()])
        files = {path: record.open(path) for path in record.outs}
        by_epoch = set()
        for path, file in files.items():
            if file is not None and path.endswith("history.csv"):
                history = pd.read_csv(file)
                by_epoch = set(history)
                rows = history[~history["epoch"].isin(logged_epochs)]
                self.log_history(run, rows.to_dict("records"))
        for path, file in files.items():
            if file is None:
                continue
            if path.startswith("metrics/"):
                self._log_metrics(run, _flatten(read_json(file)), without=by_epoch)
            elif path.endswith(".keras"):
                self._log_model(run, record, path, file)
            elif not path.startswith("data/"):
                self._client.log_artifact(run, str(file), str(Path(path).parent))
            self._on_progress()
        self.log_test_metrics(record)

    def end(self, run, *, status, seconds=None, peak_memory_mb=None):
        """Close a run and its parent.

        Args:
            run: id.
            status: FINISHED, FAILED or KILLED.
            seconds: how long the stage took.
            peak_memory_mb: the most memory that it held, in MiB.
        """
        if self._monitor:
            self._monitor.finish()
        vitals = {"system/seconds": seconds, "system/peak_memory_mb": peak_memory_mb}
        self._log_metrics(run, {k: v for k, v in vitals.items() if v is not None})
        parent = self._client.get_run(run).data.tags["mlflow.parentRunId"]
        for each in (run, parent):
            self._client.set_terminated(each, status)

    def _parent(self, origin):
        """The run that stands for the pipeline's execution, made by its first stage."""
        found = self._search(f"tags.execution = '{origin.execution}' and tags.kind = 'pipeline'")
        if found:
            parent = found[0].info.run_id
            self._client.update_run(parent, status=RUNNING)
            self._client.set_tag(parent, "tracker", _me())
            return parent
        tags = {"execution": origin.execution, "kind": "pipeline", "tracker": _me()}
        tags["mlflow.note.content"] = "One execution of the pipeline; its stages are its children."
        return self._client.create_run(
            self._experiment_id, origin.time, origin.tags | tags, origin.name
        ).info.run_id

    def _create(self, record, origin):
        with _locked(self._lock):
            parent = self._parent(origin)
        tags = origin.tags | {
            "execution": origin.execution,
            "kind": "stage",
            "tracker": _me(),
            "dvc.stage": record.stage,
            "mlflow.parentRunId": parent,
            "mlflow.source.name": f"stages/{record.stage}.py",
            "mlflow.source.git.commit": origin.tags["git.commit"],
            "mlflow.note.content": f"Stage `{record.stage}` of {origin.name}.",
        }
        tags |= {f"dvc.dep.{path}": md5 for path, md5 in record.deps.items()}
        run = self._client.create_run(
            self._experiment_id, origin.time, tags, f"{record.stage} · {origin.name}"
        ).info.run_id
        prefix = f"{record.stage}."
        params = {key.removeprefix(prefix): value for key, value in record.params.items()}
        self._client.log_batch(run, params=[Param(k, str(v)) for k, v in params.items()])
        self._log_datasets(run, record)
        return run

    def _log_datasets(self, run, record):
        inputs = []
        for path, md5 in record.deps.items():
            split = Path(path).stem
            if path.endswith(".npz") and split in CONTEXTS:
                schema = {
                    "features": Schema([TensorSpec(np.dtype("uint8"), IMAGE_SHAPE)]).to_dict(),
                    "targets": Schema([TensorSpec(np.dtype("uint8"), (-1,))]).to_dict(),
                }
                dataset = Dataset(
                    name=f"mnist-{split}",
                    digest=md5,
                    source_type="dvc",
                    source=json.dumps({"path": path, "md5": md5}),
                    schema=json.dumps({"mlflow_tensorspec": schema}),
                )
                context = InputTag("mlflow.data.context", CONTEXTS[split])
                inputs.append(DatasetInput(dataset, [context]))
        if inputs:
            try:
                self._client.log_inputs(run, inputs)
            except StoreError:  # another process has just made the same data sets: they are there
                self._client.log_inputs(run, inputs)

    def _log_metrics(self, run, values, *, without=()):
        """Log numbers as metrics, and words as tags."""
        now = _now()
        kept = {name: value for name, value in values.items() if name not in without}
        words = {name: value for name, value in kept.items() if isinstance(value, str)}
        metrics = [Metric(k, float(v), now, 0) for k, v in kept.items() if k not in words]
        self._client.log_batch(run, metrics=metrics, tags=[RunTag(*word) for word in words.items()])

    def log_test_metrics(self, record):
        """Give each training run what `evaluate` found of its model, unless it has that already."""
        metrics = record.open("metrics/evaluate.json") if record.stage == "evaluate" else None
        if metrics is None:
            return
        for net, values in read_json(metrics).items():
            path = f"models/{net}.keras"
            if path not in record.deps:
                continue
            for run in self._search(f"tags.`dvc.out.{path}` = '{record.deps[path]}'"):
                if "test/accuracy" not in run.data.metrics:
                    self._log_metrics(run.info.run_id, _flatten(values))

    def _log_model(self, run, record, path, file):
        """Log a model, and register it unless one of the same bytes is."""
        net = Path(path).stem
        md5 = record.outs[path]
        model = self._client.create_logged_model(
            self._experiment_id,
            name=net,
            source_run_id=run,
            tags={"dvc.path": path, "dvc.md5": md5},
            model_type="keras",
        )
        with tempfile.TemporaryDirectory() as folder:
            _write_model(Path(folder), record, file, model_id=model.model_id, run=run)
            self._client.log_model_artifacts(model.model_id, folder)
        self._client.finalize_logged_model(model.model_id, "READY")
        self._client.log_outputs(run, [LoggedModelOutput(model.model_id, step=0)])
        metrics = record.open(f"metrics/{record.stage}.json")
        accuracy = read_json(metrics)["val"]["accuracy"]
        with _locked(self._lock):
            self._register(net, md5, model.model_id, run, accuracy)

    def _register(self, net, md5, model_id, run, accuracy):
        name = f"mnist-{net}"
        try:
            self._client.get_registered_model(name)
        except StoreError:
            self._client.create_registered_model(
                name, description=f"The {net} network of the MNIST study: uint8 images to digits."
            )
        for known in self._client.search_model_versions(f"name = '{name}'"):
            if known.tags.get("dvc.md5") == md5:
                return
        version = self._client.create_model_version(
            name,
            source=f"models:/{model_id}",
            run_id=run,
            model_id=model_id,
            tags={"dvc.path": f"models/{net}.keras", "dvc.md5": md5, "val/accuracy": str(accuracy)},
            description=f"Validation accuracy {accuracy:.4f}; the bytes that DVC has as {md5}.",
        ).version
        self._on_news(f"MLflow: {name} version {version}, {self._promote(name, version, accuracy)}")

    def _promote(self, name, version, accuracy):
        """Make a version the champion if it is the best on validation; say what happened."""
        try:
            champion = self._client.get_model_version_by_alias(name, "champion")
        except StoreError:
            champion = None
        if champion is not None:
            best = float(champion.tags["val/accuracy"])
            if accuracy <= best:
                return (
                    f"val/accuracy {accuracy:.4f}; champion stays version {champion.version} "
                    f"with {best:.4f}"
                )
        self._client.set_registered_model_alias(name, "champion", version)
        return f"val/accuracy {accuracy:.4f}, is the new champion"

    def _close_abandoned(self):
        """Close the runs whose tracker is gone, so that none stays `RUNNING` for ever."""
        with _locked(self._lock):  # or the tracker of a next stage could take its parent over
            for run in self._search(f"attributes.status = '{RUNNING}'"):
                tracker = run.data.tags.get("tracker")
                if tracker and provenance.is_gone(tracker) and self._is_left(run, tracker):
                    self._client.set_tag(run.info.run_id, "abandoned", "true")
                    self._client.set_terminated(run.info.run_id, "KILLED")

    def _is_left(self, run, tracker):
        """Whether a tracker that is gone left its run open: it may have closed it since then."""
        now = self._client.get_run(run.info.run_id)
        return now.info.status == RUNNING and now.data.tags["tracker"] == tracker

    def _search(self, filter_string):
        found, token = [], None
        while True:
            page = self._client.search_runs(
                [self._experiment_id], filter_string, ViewType.ACTIVE_ONLY, page_token=token
            )
            found += page
            if not (token := page.token):
                return found


def _experiment(client, artifacts):
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is not None:
        return experiment.experiment_id
    try:
        tags = {
            "mlflow.note.content": EXPERIMENT_NOTE,
            "mlflow.experimentKind": "custom_model_development",  # MLflow's pages open on the runs
        }
        return client.create_experiment(EXPERIMENT, artifact_location=artifacts, tags=tags)
    except StoreError:  # another host was quicker
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            raise
        return experiment.experiment_id


def _write_model(folder, record, file, *, model_id, run):
    """Lay out a model as `mlflow.keras` does, with DVC's very bytes and without TensorFlow."""
    (folder / "data").mkdir()
    (folder / "data" / "model.keras").write_bytes(file.read_bytes())
    (folder / "data" / "keras_module.txt").write_text("keras")
    model = Model(
        model_id=model_id,
        run_id=run,
        signature=ModelSignature(
            inputs=Schema([TensorSpec(np.dtype("uint8"), (*IMAGE_SHAPE, 1))]),
            outputs=Schema([TensorSpec(np.dtype("float32"), (-1, NUM_CLASSES))]),
        ),
    )
    data = record.open("data/processed/val.npz")
    if data is not None:
        with np.load(data) as split:
            _save_example(model, split["x"][:1, ..., np.newaxis], str(folder))
    versions = {
        name: provenance.version(name) for name in ("keras", "tensorflow", "numpy", "mlflow")
    }
    requirements = [f"{name}=={number}" for name, number in versions.items()]
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n")
    environment = {
        "python": provenance.platform.python_version(),
        "dependencies": ["-r requirements.txt"],
    }
    # JSON is YAML.
    (folder / "python_env.yaml").write_text(json.dumps(environment))
    model.add_flavor(
        "keras",
        data="data",
        keras_version=versions["keras"],
        keras_backend="tensorflow",
        save_exported_model=False,
    )
    pyfunc.add_to_model(model, loader_module="mlflow.keras", python_env="python_env.yaml")
    model.save(str(folder / "MLmodel"))


def _flatten(tree, prefix="") -> dict[str, object]:
    """Leaves of nested dicts by path: {"val": {"loss": 1}} gives {"val/loss": 1}."""
    flat: dict[str, object] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}/")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


@contextmanager
def _locked(path):
    """Hold a lock between processes of this host; it goes with the process that holds it."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _me():
    return provenance.process_key(psutil.Process())


def _now():
    return int(time.time() * 1000)  # milliseconds
