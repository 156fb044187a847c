"""What other stages find of a model, shown by its training run, too: test metrics and figures."""

from typing import Any

from studykit.documents import parse_json
from studykit.tracking.store.experiment import name
from studykit.tracking.store.outputs import files, log_file, log_metrics
from studykit.tracking.store.registry import describe_versions
from studykit.tracking.store.words import about, describe, figures_of_model, result

# Tag, before a stage's name: key of the StageRecord whose findings the run shows, too; and the
# paths of those that were not to be had.
SHOWN = "dvc.shown."
OUT = "dvc.out."  # tag, before a path: MD5 of an output


def log_findings(experiment, record, *, renew):
    """Give training runs what a stage has found of their models.

    Args:
        experiment: Experiment.
        record: StageRecord of a stage that tests models or draws figures of them.
        renew: whether to replace what a run shows already from an earlier execution.

    Returns:
        Paths of what was given to any run.
    """
    outputs = experiment.study.outputs
    paths = [path for path in record.outs if _may_hold_findings(outputs, path)]
    by_model: dict[str, list] = {}
    unread = []
    for file in files(experiment.study, record, paths):
        if file.content is None:
            unread.append(file.path)
            continue
        for model, content in _findings(outputs, file):
            by_model.setdefault(model, []).append((file, content))
    given = []
    for model, findings in by_model.items():
        for run in training_runs(experiment, record, model):
            if news := _lacks(run, record, findings, renew):
                _give(experiment, run.info.run_id, model, news)
                shown = "\n".join([record.key, *unread])
                experiment.log(run.info.run_id, tags={_tag(record): shown})
                describe_model(experiment, run.info.run_id, model)
                given += [file.path for file, _ in news]
    return list(dict.fromkeys(given))


def describe_model(experiment, run, model):
    """Say of a training run, and of the versions that it registered, how good its model is.

    Args:
        experiment: Experiment.
        run: id.
        model: its name.
    """
    trained = experiment.client.get_run(run)
    found = figures_of_model(experiment.study, model, trained.data.metrics)
    describe(experiment, trained, f"{result(found)} {about(trained.data.tags)}")
    describe_versions(experiment, run, model, found)


def training_runs(experiment, record, model):
    """The runs that trained what a stage was given of a model: the model itself, or its history.

    Args:
        experiment: Experiment.
        record: StageRecord.
        model: its name.

    Returns:
        list of Run.
    """
    for kind in ("models", "histories"):
        path = experiment.study.outputs.path(kind, model)
        if path in record.deps:
            return experiment.search(f"tags.`{name(f'{OUT}{path}')}` = '{record.deps[path]}'")
    return []


def searched_by(study, record):
    """The outputs by whose MD5 `training_runs` finds a run: models and histories."""
    return {
        path: md5
        for path, md5 in record.outs.items()
        if any(study.outputs.match(kind, path) is not None for kind in ("models", "histories"))
    }


def _may_hold_findings(outputs, path):
    """Whether an output, or a file in it where it is a folder, can match the study's patterns."""
    named = (outputs.test_metrics, outputs.figures)
    is_above = any(pattern and pattern.startswith(f"{path}/") for pattern in named)
    return is_above or any(
        outputs.match(kind, path) is not None for kind in ("test_metrics", "figures")
    )


def _findings(outputs, file):
    """The models that a file tells of, each with what it says; with None where it is a figure."""
    if (found := outputs.match("test_metrics", file.path)) is not None:
        held = parse_json(file.content.read_bytes(), file.path, dict[str, Any])
        for model, values in (held if found == file.path else {found: held}).items():
            if isinstance(values, dict):
                yield model, values
    elif (model := outputs.match("figures", file.path)) is not None:
        yield model, None


def _give(experiment, run, model, findings):
    for file, content in findings:
        if content is None:
            log_file(experiment, run, file)
        else:
            log_metrics(experiment, run, file, content, owner=model, model=model)


def _lacks(run, record, findings, renew):
    """Those of a stage's findings that a training run does not show yet."""
    shown = run.data.tags.get(_tag(record))
    if shown is None or (renew and not shown.startswith(record.key)):
        return findings
    unread = shown.splitlines()[1:]
    return [finding for finding in findings if finding[0].path in unread]


def _tag(record):
    return name(f"{SHOWN}{record.stage}")
