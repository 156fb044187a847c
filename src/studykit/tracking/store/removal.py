"""Runs that go for good, with their models, versions and artefacts.

MLflow's own `mlflow gc` fails on runs with data sets (mlflow#10699, mlflow#12947) and leaves the
rows that say what a run read. So an own store is cleaned here. On a server there is only the
client, which marks runs as deleted; the server's `mlflow gc` removes them.
"""

import getpass
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.store.tracking.dbmodels.models import SqlInput, SqlInputTag

from studykit.tracking.store.experiment import StoreError, connect, found
from studykit.tracking.store.registry import DATA, OF_OTHER_DATA, Registry
from studykit.tracking.store.runs import PARENT, RUNNING, close_abandoned


@dataclass(frozen=True)
class Doomed:
    """What is to go.

    Attributes:
        runs: list of Run, of stages and of pipelines.
        versions: list of ModelVersion.
        guarded: what MLflow calls the version that keeps a run, by the run's `dvc.key`.
        others: how many runs are another user's, and stay.
    """

    runs: list = field(default_factory=list)
    versions: list = field(default_factory=list)
    guarded: dict[str, str] = field(default_factory=dict)
    others: int = 0


class Removal:
    """Finds and removes runs of an experiment in MLflow.

    Args:
        experiment: Experiment.
    """

    def __init__(self, experiment):
        self._experiment, self._client = experiment, experiment.client

    @classmethod
    def connect(cls, *, dry_run, on_news):
        """Open the store that is used here; one that is to change is mended first.

        Args:
            dry_run: whether nothing is written.
            on_news: called with a sentence for the user.

        Raises:
            StoreError: the store cannot be reached.
        """
        told = {"on_progress": lambda: None, "on_news": on_news}
        experiment = connect(read_only=True, **told)
        if experiment.id is not None and not dry_run:
            experiment = connect(**told)  # which corrects addresses after a repository was copied
            close_abandoned(experiment)
        return cls(experiment)

    @property
    def is_for_good(self):
        """Whether the store is this process's own, and not a server's."""
        return hasattr(self._store, "_hard_delete_run")

    def find(self, keys, executions, kept):
        """Find the runs of DVC's experiments, and what hangs on them.

        Args:
            keys: of their StageRecords.
            executions: pairs of an experiment's name and baseline: of runs that did not finish.
            kept: keys of StageRecords that belong to something else, too.

        Returns:
            Doomed. A run stays that has a version with an alias: the champion, or a user's own. The
            best on other data than the champion's is no champion: the next best takes its place.
        """
        if self._experiment.id is None:
            return Doomed()
        every = self._experiment.search("")
        doomed = [
            run
            for run in every
            if run.data.tags.get("kind") == "stage" and run.info.status != RUNNING
            if _is_of(run.data.tags, keys, executions)
            if run.data.tags.get("dvc.key") not in kept
        ]
        mine = [run for run in doomed if self._is_mine(run)]
        others = len(doomed) - len(mine)
        versions = self._versions({run.info.run_id for run in mine})
        aliased = self._aliased(versions)
        guarded = {
            run.data.tags.get("dvc.key", ""): aliased[run.info.run_id]
            for run in mine
            if run.info.run_id in aliased
        }
        runs = [run for run in mine if run.info.run_id not in aliased]
        ids = {run.info.run_id for run in runs}
        runs += self._childless(every, ids, executions)
        return Doomed(runs, [v for v in versions if v.run_id in ids], guarded, others)

    def remove(self, doomed):
        """Remove what was found.

        Args:
            doomed: Doomed.

        Raises:
            StoreError: MLflow refuses.
        """
        for version in doomed.versions:
            found(self._client.delete_model_version, version.name, version.version)
        for name, data in {(each.name, each.tags.get(DATA)) for each in doomed.versions}:
            Registry(self._experiment).choose_again(name, data)
        for run in doomed.runs:
            # A pipeline's run names models of others, too: those that it took from the cache.
            if run.data.tags.get("kind") == "stage" and run.outputs:
                for output in run.outputs.model_outputs:
                    self._remove_model(output.model_id)
            self._remove_run(run)

    def _remove_model(self, model_id):
        model = found(self._client.get_logged_model, model_id)
        if model is None:
            return
        found(self._client.delete_logged_model, model_id)
        if self.is_for_good:
            self._delete_artifacts(model.artifact_location)
            self._forget_inputs(model_id)
            self._store._hard_delete_logged_model(model_id)

    def _remove_run(self, run):
        found(self._client.delete_run, run.info.run_id)
        if self.is_for_good:
            self._delete_artifacts(run.info.artifact_uri)
            self._forget_inputs(run.info.run_id)
            self._store._hard_delete_run(run.info.run_id)

    def _delete_artifacts(self, uri):
        """Delete what is behind an address; not where that is another copy of this repository."""
        address, home = urlparse(uri), self._experiment.artifacts
        folder = Path(url2pathname(address.path))
        if address.scheme == "file" and home and not folder.is_relative_to(home):
            return
        # There may be none, or they may be of a kind that cannot be deleted.
        with suppress(StoreError, OSError, NotImplementedError):
            get_artifact_repository(uri).delete_artifacts()
        if address.scheme == "file" and folder.parent.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            if not any(folder.parent.iterdir()):
                folder.parent.rmdir()

    def _forget_inputs(self, identifier):
        """Delete which data sets and models a run or a model has to do with."""
        with self._store.ManagedSessionMaker(read_only=False) as session:
            concerned = session.query(SqlInput.input_uuid).filter(
                (SqlInput.source_id == identifier) | (SqlInput.destination_id == identifier)
            )
            ids = [row.input_uuid for row in concerned]
            for table in (SqlInputTag, SqlInput):
                rows = session.query(table).filter(table.input_uuid.in_(ids))
                rows.delete(synchronize_session=False)

    def _childless(self, every, gone, executions):
        """The pipelines' runs that have no other stages than those that go."""
        left = {run.data.tags.get(PARENT) for run in every if run.info.run_id not in gone}
        parents = {run.data.tags.get(PARENT) for run in every if run.info.run_id in gone}
        return [
            run
            for run in every
            if run.data.tags.get("kind") == "pipeline" and run.info.run_id not in left
            if run.info.run_id in parents or _is_of(run.data.tags, (), executions)
        ]

    def _versions(self, runs):
        """The versions that rest on runs, given by their ids."""
        versions, token = [], None
        while runs:
            page = self._client.search_model_versions(page_token=token)
            versions += [version for version in page if version.run_id in runs]
            if not (token := page.token):
                break
        return versions

    def _aliased(self, versions):
        """What those with an alias are called, by the id of their run."""
        said = {}
        for name in {version.name for version in versions}:
            aliases = self._client.get_registered_model(name).aliases
            for alias, number in aliases.items():
                for version in versions:
                    is_it = version.name == name and int(version.version) == int(number)
                    if is_it and not OF_OTHER_DATA.fullmatch(alias):
                        said[version.run_id] = f"{name} version {number} is {alias}"
        return said

    def _is_mine(self, run):
        """Whether nobody else has written a run, where a store may be a team's."""
        writer = run.data.tags.get("mlflow.user")
        is_local = self._client.tracking_uri.startswith("sqlite")
        return is_local or writer in (None, getpass.getuser())

    @property
    def _store(self):
        return self._client._tracking_client.store


def _is_of(tags, keys, executions):
    execution = tags.get("dvc.experiment"), tags.get("dvc.baseline")
    return tags.get("dvc.key") in keys or execution in executions
