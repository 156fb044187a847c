"""What a stage has put out, logged to its run: each kind of output in its own way."""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

from mlflow.entities import Metric

from studykit.documents import parse_json, parse_table
from studykit.dotted import flatten, metric_prefix
from studykit.errors import UserError, hide_passwords
from studykit.files import md5 as md5_of
from studykit.study import Outputs
from studykit.tracking.store.experiment import name
from studykit.tracking.store.tables import divide

KNOWN_BY_DVC = "dvc.json"  # artefact: the MD5 of each input and output, and every parameter
LACKING = "dvc.lacking"  # tag: paths, one a line, whose content was not to be had


@dataclass(frozen=True)
class File:
    """An output that is a file, a file of an output that is a folder, or a model's folder.

    Attributes:
        path: from the repository's root.
        output: path of the output that it is, or lies in.
        md5: of its content.
        open: function that gives a local Path with the content, or None where it is not to be had.
    """

    path: str
    output: str
    md5: str
    open: Callable[[], Path | None]

    @cached_property
    def content(self):
        """What `open` gives, which is called when it is needed: it may ask a remote."""
        return self.open()


def files(study, record, paths):
    """The files behind some of a stage's outputs, as File.

    Args:
        study: Study.
        record: StageRecord.
        paths: of the outputs.
    """
    for path in paths:
        is_folder = record.outs[path].endswith(".dir")  # as DVC marks the MD5 of one
        if not is_folder or study.outputs.match("models", path) is not None:
            yield File(path, path, record.outs[path], partial(record.open, path))
        elif (folder := record.open(path)) is not None:
            for file in sorted(file for file in folder.rglob("*") if file.is_file()):
                inside = f"{path}/{file.relative_to(folder).as_posix()}"
                yield File(inside, path, md5_of(file), partial(Path, file))


def log_outputs(experiment, run, record, paths, *, logged_epochs=()):
    """Log outputs except models: histories by epoch, metrics, and the rest as artefacts.

    Left in DVC's cache is what it alone holds, unless the study says what it is.

    Args:
        experiment: Experiment.
        run: id.
        record: StageRecord.
        paths: of the outputs that are still to be logged.
        logged_epochs: epochs of the history that are in the run already.

    Returns:
        Paths of the outputs whose content was not to be had. A tag of the run says so, too.

    Raises:
        UserError: a file of metrics or a history is none.
    """
    study, declared = experiment.study, record.declared
    shown = [path for path in paths if _is_shown(study, path, declared)]
    present = [
        file
        for file in files(study, record, shown)
        if study.outputs.match("models", file.path) is None
        and study.outputs.match("data", file.path) is None
        and file.content is not None
    ]
    by_epoch = set()
    for file in present:
        if study.outputs.match("histories", file.path) is not None:
            by_epoch |= _log_history(experiment, run, file, logged_epochs)
    for file in present:
        if (content := _metrics(file, declared)) is not None:
            log_metrics(experiment, run, file, content, owner=record.stage, without=by_epoch)
        else:
            log_file(experiment, run, file)
        experiment.on_progress()
    lacking = [path for path in shown if record.open(path) is None]
    if lacking:
        experiment.log(run, tags={LACKING: "\n".join(lacking)})
    return lacking


def log_known(experiment, run, record):
    """Log what DVC knows a StageRecord by, as an artefact: among the tags it would hide others."""
    known = {each: getattr(record, each) for each in ("stage", "key", "params", "deps", "outs")}
    text = hide_passwords(json.dumps(known, indent=2, default=str))
    experiment.client.log_text(run, text, KNOWN_BY_DVC)


def log_metrics(experiment, run, file, content, *, owner, model=None, without=()):
    """Log what a metrics file holds: few numbers as metrics, and many of a kind as a table.

    Args:
        experiment: Experiment.
        run: id.
        file: File.
        content: dict of dicts; only that of the model, where one is given.
        owner: the run's stage or model, which names of metrics need not repeat.
        model: its name, where the run is that of its training.
        without: names of values to leave out.
    """
    study = experiment.study
    is_of_all = study.outputs.match("test_metrics", file.path) == file.path
    outside = (metric_prefix(file.path), *([model] if model and is_of_all else []))

    def keep(path, inside):
        names = [".".join((*outside, *path, key)) for key in inside]
        by_model = is_of_all and model is None and len(path) == 1
        return by_model or bool(study.headlines(names))

    values, tables = divide(content, keep)
    values = flatten(values, separator="/", prefix=_beginning(file, owner))
    if model:  # MLflow shows what has a slash before what has none: so the curves come first
        values = {key.replace("/", "_"): value for key, value in values.items()}
    log_values(experiment, run, values, without=without)
    for title, table in tables.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"{title}.csv")
            table.to_csv(path)
            experiment.client.log_artifact(run, str(path), str(Path(file.path).with_suffix("")))


def log_file(experiment, run, file):
    """Log a File as artefact, under its path."""
    folder = str(Path(file.path).parent)
    experiment.client.log_artifact(run, str(file.content), None if folder == "." else folder)


def log_rows(experiment, run, rows):
    """Log metrics by epoch.

    Args:
        experiment: Experiment.
        run: id.
        rows: dicts of epoch and metrics by name.
    """
    now = _now()
    metrics = [
        Metric(name(key), float(value), now, int(row["epoch"]))
        for row in rows
        for key, value in row.items()
        if key != "epoch"
    ]
    experiment.log(run, metrics=metrics)


def log_values(experiment, run, values, *, without=()):
    """Log numbers as metrics, and words as tags; nothing of lists.

    Args:
        experiment: Experiment.
        run: id.
        values: by name.
        without: names to leave out.
    """
    now = _now()
    kept = {key: value for key, value in values.items() if key not in without}
    metrics = [
        Metric(name(key), float(value), now, 0)
        for key, value in kept.items()
        if isinstance(value, int | float)
    ]
    words = {key: value for key, value in kept.items() if isinstance(value, str)}
    experiment.log(run, metrics=metrics, tags=words)


def _is_shown(study, path, declared):
    """Whether an output is logged here, beyond its MD5."""
    if any(study.outputs.match(kind, path) is not None for kind in ("models", "data")):
        return False
    is_named = any(study.outputs.match(kind, path) is not None for kind in Outputs.model_fields)
    output = declared.get(path)
    return is_named or output is None or output.kind != "outs" or not output.is_cached


def _log_history(experiment, run, file, logged_epochs):
    """Log a table by epoch; return the names of its metrics."""
    table = parse_table(file.content.read_bytes(), file.path)
    if words := [str(column) for column in table if table[column].dtype.kind not in "iuf"]:
        raise UserError(f"{file.path}: expected numbers in the column {words[0]}, received others")
    if "epoch" in table:
        if table["epoch"].dtype.kind not in "iu":
            raise UserError(f"{file.path}: expected whole numbers in the column epoch")
        rows = table[~table["epoch"].isin(logged_epochs)]
        log_rows(experiment, run, rows.to_dict("records"))
    return set(table)


def _beginning(file, owner):
    """What MLflow's names of metrics begin with: the folders below `metrics/`, and then the file.

    A file that is an output itself is not named, nor what the run is of.
    """
    if not file.path.startswith("metrics/"):
        return ""
    _, *folders, own = PurePosixPath(file.path).with_suffix("").parts
    parts = [*folders, *([own] if file.path != file.output else [])]
    return "".join(f"{part}/" for part in parts if part != owner)


def _metrics(file, declared):
    """What a file of metrics holds; None where it holds something else.

    An output that `dvc.yaml` does not declare holds metrics if it holds nothing but numbers.
    """
    kind = declared[file.path].kind if file.path in declared else None
    if file.content.suffix != ".json" or kind not in ("metrics", None):
        return None
    content = parse_json(file.content.read_bytes(), file.path)
    if not isinstance(content, dict):
        return None
    is_numbers = all(isinstance(value, int | float) for value in flatten(content).values())
    return content if kind == "metrics" or is_numbers else None


def _now():
    return int(time.time() * 1000)  # milliseconds
