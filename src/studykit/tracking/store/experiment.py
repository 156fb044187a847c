"""The study's experiment in MLflow: to find and open it, to search its runs, to log to them."""

import fcntl
import logging
import os
import posixpath
import random
import re
import time
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines a run
# A dead server is given up on after seconds, not the minutes that are MLflow's default.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Param, RunTag, ViewType
from mlflow.exceptions import MlflowException as StoreError
from mlflow.utils.validation import (
    MAX_ENTITY_KEY_LENGTH,
    MAX_METRICS_PER_BATCH,
    MAX_PARAM_VAL_LENGTH,
    MAX_PARAMS_TAGS_PER_BATCH,
    MAX_TAG_VAL_LENGTH,
)

from studykit.errors import hide_passwords
from studykit.study import load_study
from studykit.tracking.store import database
from studykit.tracking.store.location import ARTIFACTS, follow_a_move, locate

# Its traceback of many lines; the exception that it raises says the same.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
# That a server may take its time to register a version: it says so for each, and does not.
logging.getLogger("mlflow.store.model_registry.abstract_store").setLevel(logging.WARNING)

GONE = "RESOURCE_DOES_NOT_EXIST"
ATTEMPTS = 5
PAUSE = 0.3  # seconds, at most


class Experiment:
    """What the modules of this package share.

    Attributes:
        client: MlflowClient.
        id: of the experiment; None where it does not exist and was not to be made.
        study: Study.
        artifacts: Path of the folder of an own store's artefacts; None for another store.
        on_progress: function, called after each step that needed the store.
        on_news: function, called with a sentence for the user.
    """

    def __init__(self, client, experiment_id, study, lock, *, artifacts, on_progress, on_news):
        self.client = client
        self.id = experiment_id
        self.study = study
        self.on_progress = on_progress
        self.on_news = on_news
        self.artifacts = artifacts
        self._lock = lock

    def prefix(self, record):
        """What the names of registered models and data sets begin with.

        Args:
            record: StageRecord, whose parameters the study's `registry` may name as `${key}`; for
                one that is not there stands the study's name.
        """
        return self.study.registry_for(record.values)

    def locked(self):
        """Hold the lock of this repository's processes for a block."""
        return locked(self._lock)

    def search(self, filter_string):
        """All runs that are not deleted and that a filter fits, newest first."""
        found, token = [], None
        while self.id is not None:
            page = self.client.search_runs(
                [self.id], filter_string, ViewType.ACTIVE_ONLY, page_token=token
            )
            found += page
            if not (token := page.token):
                break
        return found

    def log(self, run, *, metrics=(), params=(), tags=()):
        """Log to a run, as much at a time as MLflow takes.

        Args:
            run: id.
            metrics: list of Metric.
            params, tags: dicts of values by name.
        """
        metrics = list(metrics)
        params = [Param(name(key), as_param(params[key])) for key in params]
        tags = [RunTag(name(key), _shown(tags[key], MAX_TAG_VAL_LENGTH)) for key in tags]
        for kind, items, size in (
            ("metrics", metrics, MAX_METRICS_PER_BATCH),
            ("params", params, MAX_PARAMS_TAGS_PER_BATCH),
            ("tags", tags, MAX_PARAMS_TAGS_PER_BATCH),
        ):
            for start in range(0, len(items), size):
                self.client.log_batch(run, **{kind: items[start : start + size]})


def connect(root=None, *, read_only=False, on_progress, on_news):
    """Open the experiment; unless `read_only`, make it and its store where they are missing.

    Args:
        root: the repository; by default the one that DVC names, or the current folder. In a
            queued experiment that is not the current folder.
        read_only: whether to write nothing.
        on_progress: see Experiment.
        on_news: see Experiment.

    Returns:
        Experiment.

    Raises:
        StoreError: the store cannot be reached, or used.
    """
    root = Path(root or os.environ.get("DVC_ROOT", ".")).resolve()
    try:
        return _connect(root, read_only=read_only, on_progress=on_progress, on_news=on_news)
    except StoreError:
        raise
    except database.FAULTS as error:
        raise database.advised(error) from None


def _connect(root, *, read_only, on_progress, on_news):
    study, location, lock = load_study(root), locate(root), root / "mlflow.db.lock"

    def experiment(client, experiment_id):
        return Experiment(
            client,
            experiment_id,
            study,
            lock,
            artifacts=location.database and location.database.parent / ARTIFACTS,
            on_progress=on_progress,
            on_news=on_news,
        )

    if read_only and location.database and not location.database.exists():
        return experiment(None, None)
    # The registry looks a model up in the global store, which in the folder of a queued experiment
    # would be another one.
    mlflow.set_tracking_uri(location.uri)
    if read_only:
        if location.database:
            database.check(location.database, study.command)
        client = MlflowClient(location.uri)
        found = client.get_experiment_by_name(study.name)
        return experiment(client, found and found.experiment_id)
    with locked(lock):
        if location.database:
            database.prepare(location.database, study.command)
            if news := follow_a_move(location, study.name):
                on_news(news)
        client = MlflowClient(location.uri)
        return experiment(client, _find_or_create(client, study, location.artifacts))


def name(text):
    """A text as MLflow allows it as name of a parameter, metric or tag."""
    return posixpath.normpath(re.sub(r"[^\w.\-:/ ]", "_", text))[:MAX_ENTITY_KEY_LENGTH]


def as_param(value):
    """A value as MLflow keeps a parameter: as text, here without passwords."""
    return _shown(value, MAX_PARAM_VAL_LENGTH)


def _shown(value, length):
    return hide_passwords(value)[:length]


def found(ask, *words, **options):
    """What MLflow answers; None where what was asked for is not there, or was deleted."""
    try:
        return ask(*words, **options)
    except StoreError as error:
        if error.error_code != GONE:
            raise
        return None


def look_again(action):
    """Do what can be repeated; do it again if it fails.

    It may be that another host has just deleted what it is about, or writes the same at the same
    time. MLflow has no error of its own for that.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return action()
        except StoreError:
            time.sleep(random.uniform(0, PAUSE))  # or both would meet again
    return action()


@contextmanager
def locked(path):
    """Hold a lock between processes of this host; it goes with the process that holds it."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _find_or_create(client, study, artifacts):
    experiment = client.get_experiment_by_name(study.name)
    if experiment is not None:
        _check_is_not_deleted(experiment)
        return experiment.experiment_id
    tags = {
        "mlflow.note.content": study.description,
        "mlflow.experimentKind": "custom_model_development",  # MLflow's pages open on the runs
    }
    try:
        return client.create_experiment(study.name, artifact_location=artifacts, tags=tags)
    except StoreError:  # another host was quicker
        experiment = client.get_experiment_by_name(study.name)
        if experiment is None:
            raise
        _check_is_not_deleted(experiment)
        return experiment.experiment_id


def _check_is_not_deleted(experiment):
    if experiment.lifecycle_stage == "deleted":
        raise database.AdvisedError(
            f"the experiment {experiment.name} was deleted; "
            f"`mlflow experiments restore -x {experiment.experiment_id}` brings it back, with its "
            "runs"
        )
