"""What an execution of the pipeline shows in MLflow's table: results, data sets and models.

A stage alone would not do: of an experiment, many stages come from DVC's cache and have no run.
"""

from mlflow.entities import LoggedModelOutput

from studykit.tracking.store.datasets import log_data_sets
from studykit.tracking.store.experiment import name
from studykit.tracking.store.models import model_of
from studykit.tracking.store.numbers import numbers_of
from studykit.tracking.store.outputs import log_values
from studykit.tracking.store.runs import PARENT
from studykit.tracking.store.words import about, describe, figures, result


def summarize(experiment, run, records):
    """Give the parent of a run what the stage has found, with those that it rests on.

    Args:
        experiment: Experiment.
        run: id, of the stage's run.
        records: StageRecords, each after those that it reads from; the stage's own is the last.
    """
    client = experiment.client
    parent = client.get_run(client.get_run(run).data.tags[PARENT])
    parent_id, known = parent.info.run_id, parent.data.metrics
    values = numbers_of(experiment.study, records, experiment.study.may_be_headline)
    headlines = {
        name(title): float(f"{values[key]:.6g}")  # MLflow's table rounds nothing
        for key, title in experiment.study.headlines(values).items()
    }
    news = {title: value for title, value in headlines.items() if known.get(title) != value}
    log_values(experiment, parent_id, news)
    seen = {given.dataset.digest for given in parent.inputs.dataset_inputs}
    for record in records:
        log_data_sets(experiment, parent_id, record, without=seen)
    _log_models(experiment, parent, records)
    if found := figures(experiment.study, values):
        describe(experiment, parent, f"{result(found)} {about(parent.data.tags)}")


def describe_stage(experiment, run, record):
    """Say of a stage's run what came out.

    Args:
        experiment: Experiment.
        run: id.
        record: StageRecord.
    """
    logged, study = experiment.client.get_run(run), experiment.study
    found = figures(study, numbers_of(study, [record], study.may_be_headline))
    describe(experiment, logged, f"{result(found, record.outs)} {about(logged.data.tags)}")


def _log_models(experiment, parent, records):
    """Say which models an execution has made, or taken from the cache."""
    known = {o.model_id for o in (parent.outputs.model_outputs if parent.outputs else ())}
    found = []
    for record in records:
        for path in record.outs:
            if experiment.study.outputs.match("models", path) is None:
                continue
            for run in experiment.search(f"tags.`dvc.key` = '{record.key}'"):
                if model_id := model_of(experiment, run.info.run_id, path):
                    found.append(model_id)
                    break
    outputs = [LoggedModelOutput(model, step=0) for model in found if model not in known]
    if outputs:
        experiment.client.log_outputs(parent.info.run_id, outputs)
