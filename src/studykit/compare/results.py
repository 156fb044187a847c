"""All that a comparison needs of a revision: parameters, lock, metrics, predictions, examples."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from studykit.compare import parsing
from studykit.compare.lock import read_lock, read_output
from studykit.compare.machines import origins_of
from studykit.compare.metric_files import declared_metrics, metric_paths, read_metrics
from studykit.dotted import flatten, metric_prefix
from studykit.records.lock import Lock
from studykit.records.pipeline import Pipeline
from studykit.records.stale import stale_stages
from studykit.study import Headline, load_study

KINDS = ("predictions", "histories", "models", "data")  # outputs that are found by their pattern


@dataclass(frozen=True)
class Results:
    """What is known of a revision.

    Attributes:
        label: what to call it.
        params: value by dotted key.
        lock: what `dvc.lock` says.
        metrics: number by name: the file's, then its keys, with dots between.
        claims: claim to a dict with its verdict.
        predictions: model to a table with label and prediction, a row per test example.
        histories: model to a table with a row per epoch.
        examples: test example by its index, uint8 (height, width).
        stale: stage to the reasons why its results are not those of the revision's code.
        paths: which file a thing comes from, by kind and name: of KINDS, and `metrics`, `claims`.
        accuracies: model to the name of the metric that its predictions decide.
        origins: the machine that made an output, by the output's path.
        headlines: the metrics that a summary shows, by name, in its order.
        files: MD5 of a file, or of each file in a folder, by path; empty of what is not there.
    """

    label: str
    params: dict[str, Any]
    lock: Lock
    metrics: dict[str, float]
    claims: dict[str, dict]
    predictions: dict[str, pd.DataFrame]
    histories: dict[str, pd.DataFrame]
    examples: dict[int, np.ndarray]
    stale: dict[str, list[str]]
    paths: dict[str, dict[str, str]] = field(default_factory=dict)
    accuracies: dict[str, str] = field(default_factory=dict)
    origins: dict[str, dict] = field(default_factory=dict)
    headlines: dict[str, Headline] = field(default_factory=dict)
    files: Callable[[str], dict[str, str]] = lambda path: {}

    @property
    def exist(self):
        """Whether there is anything to compare."""
        return bool(self.metrics or self.predictions)

    def path(self, kind, name):
        """The file of that kind and name, or None."""
        return self.paths.get(kind, {}).get(name)


def read_results(revision, study=None):
    """Read all that a revision holds; what it lacks is empty.

    Args:
        revision: Revision.
        study: what the kit is told of the study; by default, what the current folder says.

    Raises:
        UserError: a file is not what its name says.
    """
    study = study or load_study()
    outputs = study.outputs
    lock = read_lock(revision)
    paths = {kind: find_outputs(revision, outputs, kind, lock.outs) for kind in KINDS}

    def parse(path, parser):
        content = path and read_output(revision, lock, path)
        return None if content is None else parser(content, revision.tree.describe(path))

    def tables(kind, parser):
        found = {name: parse(path, parser) for name, path in paths[kind].items()}
        return {name: table for name, table in found.items() if table is not None}

    metrics: dict[str, float] = {}
    paths["metrics"] = {}
    declared = declared_metrics(revision.tree, Pipeline.of(revision.tree))
    for path in metric_paths(revision.tree, declared, without=outputs.claims):
        found = parse(path, partial(read_metrics, study, path)) or {}
        metrics |= found
        paths["metrics"] |= dict.fromkeys(found, path)
    predictions = tables("predictions", parsing.predictions)
    claims = parse(outputs.claims, parsing.claims) or {}
    paths["claims"] = {"claims": outputs.claims} if claims else {}
    return Results(
        label=revision.label,
        params=flatten(revision.params()),
        lock=lock,
        metrics=metrics,
        claims=claims,
        predictions=predictions,
        histories=tables("histories", parsing.history),
        examples=parse(outputs.examples, parsing.examples) or {},
        stale=stale_stages(revision),
        paths=paths,
        accuracies=accuracy_names(predictions, metrics, outputs),
        origins=origins_of(revision, lock.md5s),
        headlines=study.headlines_by_model(metrics),
        files=lambda path: files_at(revision, path),
    )


def files_at(revision, path):
    """MD5 of a file, or of each file in a folder, by path from the root."""
    if not revision.tree.is_folder(path):
        return revision.tree.md5s([path])
    return {f"{path}/{name}": md5 for name, md5 in revision.tree.files(path).items()}


def find_outputs(revision, outputs, kind, paths):
    """The outputs of a kind, in the lock or in a folder that the lock holds.

    Args:
        revision: Revision.
        outputs: which are what, Outputs.
        kind: one of KINDS.
        paths: of all outputs in the lock.

    Returns:
        dict: name to path; the name is the model's, or the file's where the pattern names none.
    """
    pattern = getattr(outputs, kind)
    if pattern is None:
        return {}
    found = {}
    for out in paths:
        inside = pattern.startswith(f"{out.rstrip('/')}/")
        for path in revision.paths(out) if inside else [out]:
            if name := outputs.match(kind, path):
                found[name if "{" in pattern else PurePosixPath(path).stem] = path
    return dict(sorted(found.items()))


def accuracy_names(models, metrics, outputs):
    """The name of the metric that a model's predictions decide, by model.

    It stands in the model's file of `test_metrics` as `test.accuracy` or `accuracy`, or in the one
    of all models below the model's name, if the pattern of predictions names the model. Where
    neither is there, the accuracy is called `MODEL.accuracy`.
    """
    names = {}
    for model in models:
        file = outputs.path("test_metrics", model)
        prefix = [metric_prefix(file)] if file else []
        if "{" in outputs.predictions and file == outputs.test_metrics:
            prefix.append(model)
        known = (".".join((*prefix, key)) for key in ("test.accuracy", "accuracy"))
        names[model] = next((name for name in known if name in metrics), f"{model}.accuracy")
    return names
