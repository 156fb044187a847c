"""What others do with the tracking store: open it, log stages to it, look for what is in it."""

from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

from studykit.errors import UserError
from studykit.tracking import provenance
from studykit.tracking.store import runs
from studykit.tracking.store.experiment import ATTEMPTS, connect, found, look_again
from studykit.tracking.store.findings import OUT, describe_model, log_findings, searched_by
from studykit.tracking.store.models import log_model, model_of
from studykit.tracking.store.outputs import (
    LACKING,
    files,
    log_known,
    log_outputs,
    log_rows,
    log_values,
)
from studykit.tracking.store.registry import Registry
from studykit.tracking.store.summary import describe_stage, summarize
from studykit.tracking.store.view import save_view


class Store:
    """The experiment's runs and models in one tracking store."""

    def __init__(self, experiment):
        self._experiment = experiment
        self._registry = Registry(experiment)
        self._monitor = None

    @classmethod
    def connect(cls, root=None, *, read_only=False, on_progress=lambda: None, on_news=print):
        """Open the store that MLFLOW_TRACKING_URI names, or the one at the repository's root.

        Args:
            root: the repository; by default the one that DVC names, or the current folder.
            read_only: whether to write nothing: no store, no experiment, no status of a run.
            on_progress: called after each step that needed the store.
            on_news: called with a sentence for the user.

        Raises:
            StoreError: the store cannot be reached.
        """
        experiment = connect(root, read_only=read_only, on_progress=on_progress, on_news=on_news)
        if not read_only:
            runs.close_abandoned(experiment)
        on_progress()
        return cls(experiment)

    def save_view(self):
        """Choose what the pages show; return the store's URI, and their address without host."""
        return self._experiment.client.tracking_uri, save_view(self._experiment)

    def start(self, record, *, execution):
        """Open the run of a stage that is running now.

        Args:
            record: StageRecord.
            execution: key of the pipeline's execution.

        Returns:
            The run's id.
        """
        libraries = self._experiment.study.libraries
        run = runs.create(self._experiment, record, provenance.here(execution, libraries))
        if refused := provenance.refusal():
            self._experiment.on_news(f"MLflow: this run names no commit: {refused}")
        uri = self._experiment.client.tracking_uri
        self._monitor = SystemMetricsMonitor(run, tracking_uri=uri)
        self._monitor.start()
        self._experiment.on_progress()
        return run

    def log_history(self, run, rows):
        """Log metrics by epoch.

        Args:
            run: id.
            rows: dicts of epoch and metrics by name.
        """
        log_rows(self._experiment, run, rows)

    def log_outputs(self, run, record, *, upstream=(), logged_epochs=()):
        """Log what a stage has put out, each kind of file in its way.

        Args:
            run: id.
            record: StageRecord.
            upstream: StageRecords that it rests on, each after those that it reads from; None
                where they have changed since.
            logged_epochs: epochs of the history that are in the run already.

        Returns:
            Paths of the outputs whose content was not to be had.
        """
        lacking = self._log_outputs(run, record, logged_epochs)
        look_again(lambda: self._complete_models(run, record))
        log_findings(self._experiment, record, renew=True)
        if upstream is not None:
            summarize(self._experiment, run, [*upstream, record])
        return lacking

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
        log_values(self._experiment, run, {k: v for k, v in vitals.items() if v is not None})
        runs.end(self._experiment, run, status)

    def find(self, key):
        """The finished runs of a StageRecord's key, newest first, as ids."""
        return [run.info.run_id for run in runs.find(self._experiment, key)]

    def restore(self, record, origin, *, upstream=()):
        """Write the run of a stage from what DVC has of it.

        Args:
            record: StageRecord.
            origin: Provenance.
            upstream: see `log_outputs`.

        Returns:
            Paths of the outputs whose content was not to be had.

        Raises:
            UserError: an output is not what its name says.
        """
        origin = runs.within_its_execution(self._experiment, origin)
        run = runs.create(self._experiment, record, origin)
        try:
            self._log_outputs(run, record)
        except UserError:  # an output is none of its kind: no run has half of them
            self._experiment.client.delete_run(run)
            raise
        runs.finish(self._experiment, run)
        _, lacking = self.complete(record, params=origin.params, upstream=upstream)
        look_again(lambda: runs.gather(self._experiment, origin.execution))
        look_again(lambda: self._summarize(record, upstream))
        return lacking

    def complete(self, record, *, params=None, upstream=None):
        """Write what the finished runs of a stage lack.

        That are outputs which were not to be had before, models, versions of registered models,
        aliases, parents, and what the stage has found of models.

        Args:
            record: StageRecord.
            params: value of every parameter that the pipeline declares, by full name; for a parent.
            upstream: see `log_outputs`.

        Returns:
            What was written, a list of names; paths of the outputs that are still not to be had.
        """
        written: list[str] = []
        for _ in range(ATTEMPTS):  # until there is nothing more to do, whatever other hosts do
            now, lacking = look_again(lambda: self._complete(record, params or {}))
            written += now
            if not now:
                break
        if written:
            look_again(lambda: self._summarize(record, upstream))
        return list(dict.fromkeys(written)), lacking

    def stages_of(self, run):
        """What DVC knows a run by.

        Args:
            run: id, of a stage's run or of a pipeline's.

        Returns:
            dict: stage to the key of its StageRecord, or to None when it did not finish.

        Raises:
            UserError: no such run, or not one of a pipeline.
        """
        client = self._experiment.client
        asked = found(client.get_run, run) if self._experiment.id else None
        if asked is None:
            raise UserError(f"{run}: expected the id of a run in MLflow, found none of that id")
        tags = asked.data.tags
        if tags.get("kind") == "pipeline":
            stages = self._experiment.search(f"tags.mlflow.parentRunId = '{run}'")
        elif "dvc.stage" in tags:
            stages = [asked]
        else:
            raise UserError(f"{run}: expected the run of a stage, found one without `dvc.stage`")
        return {each.data.tags["dvc.stage"]: each.data.tags.get("dvc.key") for each in stages}

    def _log_outputs(self, run, record, logged_epochs=()):
        experiment = self._experiment
        tags = {f"{OUT}{path}": md5 for path, md5 in searched_by(experiment.study, record).items()}
        experiment.log(run, tags=tags | {"dvc.key": record.key})
        log_known(experiment, run, record)
        lacking = log_outputs(experiment, run, record, record.outs, logged_epochs=logged_epochs)
        describe_stage(experiment, run, record)
        return lacking

    def _summarize(self, record, upstream):
        if upstream is not None:
            for run in self.find(record.key):
                summarize(self._experiment, run, [*upstream, record])

    def _complete(self, record, params):
        written, lacking = [], []
        for run in runs.keep_one(self._experiment, runs.find(self._experiment, record.key)):
            run_id, before = run.info.run_id, run.data.tags.get(LACKING, "").splitlines()
            if before:
                left = log_outputs(self._experiment, run_id, record, before)
                written += [path for path in before if path not in left]
                lacking += left
                if not left:
                    self._experiment.client.delete_tag(run_id, LACKING)
            if runs.complete_parent(self._experiment, run, params):
                written.append("the parent run")
            models, unread = self._complete_models(run_id, record)
            written += models
            lacking += unread
        written += log_findings(self._experiment, record, renew=False)
        return list(dict.fromkeys(written)), list(dict.fromkeys(lacking))

    def _complete_models(self, run, record):
        """Log and register the models that a run lacks; return what `complete` does."""
        study, written, lacking = self._experiment.study, [], []
        for file in files(study, record, record.outs):
            if study.outputs.match("models", file.path) is None:
                continue
            model_id = model_of(self._experiment, run, file.path)
            if model_id is None:
                if file.content is None:
                    lacking.append(file.path)
                    continue
                model_id = log_model(self._experiment, run, record, file)
                written.append(file.path)
            news = self._registry.register(record, file, model_id, run)
            if news:
                describe_model(self._experiment, run, study.outputs.match("models", file.path))
            written += news
            self._experiment.on_progress()
        return written, lacking
