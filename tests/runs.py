"""The runs of a tracking store, read by MLflow's own client."""

from mlflow import MlflowClient
from mlflow.entities import ViewType


def store(study, experiment="mnist-study"):
    """The runs in a tiny study's own store."""
    return Runs(f"sqlite:///{study.root}/mlflow.db", experiment)


class Runs:
    """The runs of a store: all, those of stages, those of pipelines."""

    def __init__(self, uri, experiment="mnist-study"):
        self.client = MlflowClient(uri)
        found = self.client.get_experiment_by_name(experiment)
        self.all = self.client.search_runs(
            [found.experiment_id], run_view_type=ViewType.ALL, max_results=1000
        )
        self.stages = [run for run in self.all if run.data.tags["kind"] == "stage"]
        self.parents = [run for run in self.all if run.data.tags["kind"] == "pipeline"]

    def of(self, stage):
        return [run for run in self.stages if run.data.tags["dvc.stage"] == stage]

    def one(self, stage):
        (run,) = self.of(stage)
        return run

    def statuses(self):
        return {run.info.status for run in self.all}

    def history(self, run):
        """Every value of every metric that does not vary: name, step, value."""
        return sorted(
            (metric.key, metric.step, metric.value)
            for name in run.data.metrics
            if not name.startswith("system/")
            for metric in self.client.get_metric_history(run.info.run_id, name)
        )

    def files(self, run, folder=""):
        for item in self.client.list_artifacts(run.info.run_id, folder):
            if item.is_dir:
                yield from self.files(run, item.path)
            else:
                yield item.path
