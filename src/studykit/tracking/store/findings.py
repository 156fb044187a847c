"""What other stages find of a model, shown by its training run, too: test metrics and figures."""

from typing import Any

from studykit.documents import parse_json
from studykit.dotted import flatten
from studykit.tracking.store.experiment import name
from studykit.tracking.store.outputs import files, log_file, log_values

SHOWN = "dvc.shown."  # tag: MD5 of the file of that path that the run shows, too


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
    runs: dict[str, list] = {}  # by model
    given = []
    for file in files(experiment.study, record, paths):
        for model, values in _findings(outputs, file):
            if model not in runs:
                runs[model] = training_runs(experiment, record, model)
            for run in runs[model]:
                if not _shows(run, file, renew) and file.content is not None:
                    _give(experiment, run.info.run_id, file, values)
                    given.append(file.path)
    return list(dict.fromkeys(given))


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
            return experiment.search(f"tags.`{name(f'dvc.out.{path}')}` = '{record.deps[path]}'")
    return []


def _may_hold_findings(outputs, path):
    """Whether an output, or a file in it where it is a folder, can match the study's patterns."""
    named = (outputs.test_metrics, outputs.figures)
    is_above = any(pattern and pattern.startswith(f"{path}/") for pattern in named)
    return is_above or any(
        outputs.match(kind, path) is not None for kind in ("test_metrics", "figures")
    )


def _findings(outputs, file):
    """The models that a file tells of, each with its metrics; with None where it is a figure."""
    if outputs.match("test_metrics", file.path) is not None:
        content = file.content.read_bytes() if file.content else b"{}"
        for model, values in parse_json(content, file.path, dict[str, Any]).items():
            if isinstance(values, dict):
                yield model, flatten(values, separator="/")
    elif (model := outputs.match("figures", file.path)) is not None:
        yield model, None


def _give(experiment, run, file, values):
    if values is None:
        log_file(experiment, run, file)
    else:
        log_values(experiment, run, values)
    experiment.log(run, tags={f"{SHOWN}{file.path}": file.md5})


def _shows(run, file, renew):
    shown = run.data.tags.get(name(f"{SHOWN}{file.path}"))
    return shown == file.md5 if renew else shown is not None
