"""All that a comparison needs of a revision: parameters, lock, metrics, predictions, examples."""

import json
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from studykit.compare import parsing
from studykit.compare.lock import Stage, outputs_of, read_stages
from studykit.compare.machines import origins_of
from studykit.dotted import flatten
from studykit.records.stale import stale_stages
from studykit.study import load_study

KINDS = ("predictions", "histories", "models", "data")  # outputs that are found by their pattern


@dataclass(frozen=True)
class Results:
    """What is known of a revision.

    Attributes:
        label: what to call it.
        params: value by dotted key.
        stages: Stage by name, as `dvc.lock` has them.
        metrics: number by name: the file's, then its keys, with dots between.
        claims: claim to a dict with its verdict.
        predictions: model to a table with label and prediction, a row per test example.
        histories: model to a table with a row per epoch.
        examples: test example by its index, uint8 (height, width).
        stale: stage to the reasons why its results are not those of the revision's code.
        paths: which file a thing comes from, by kind and name: of KINDS, and `metrics`, `claims`.
        accuracies: model to the name of the metric that its predictions decide.
        origins: the machine that made an output, by the output's path.
    """

    label: str
    params: dict[str, Any]
    stages: dict[str, Stage]
    metrics: dict[str, float]
    claims: dict[str, dict]
    predictions: dict[str, pd.DataFrame]
    histories: dict[str, pd.DataFrame]
    examples: dict[int, np.ndarray]
    stale: dict[str, list[str]]
    paths: dict[str, dict[str, str]] = field(default_factory=dict)
    accuracies: dict[str, str] = field(default_factory=dict)
    origins: dict[str, dict] = field(default_factory=dict)

    @property
    def exist(self):
        """Whether there is anything to compare."""
        return bool(self.metrics or self.predictions)

    @property
    def md5s(self):
        """MD5 of each output by path."""
        return outputs_of(self.stages)

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
    outputs = (study or load_study()).outputs
    stages = read_stages(revision)
    md5s = outputs_of(stages)
    paths = {kind: find_outputs(revision, outputs, kind, md5s) for kind in KINDS}
    paths["metrics"] = metric_files(revision, outputs.claims)
    metrics: dict[str, float] = {}
    for prefix, path in paths["metrics"].items():
        content = parsing.parse(revision, path, parsing.metric_parser(path))
        metrics |= parsing.numbers(content, prefix)
    predictions = _tables(revision, paths["predictions"], parsing.predictions)
    claims = (outputs.claims and parsing.parse(revision, outputs.claims, json.loads)) or {}
    if claims:
        paths["claims"] = {"claims": outputs.claims}
    return Results(
        label=revision.label,
        params=flatten(revision.params()),
        stages=stages,
        metrics=metrics,
        claims=claims,
        predictions=predictions,
        histories=_tables(revision, paths["histories"], parsing.table),
        examples=(outputs.examples and parsing.parse(revision, outputs.examples, parsing.examples))
        or {},
        stale=stale_stages(revision),
        paths=paths,
        accuracies=accuracy_names(predictions, metrics, outputs),
        origins=origins_of(revision, md5s),
    )


def find_outputs(revision, outputs, kind, md5s):
    """The outputs of a kind, in the lock or in a folder that the lock holds.

    Args:
        revision: Revision.
        outputs: which are what, Outputs.
        kind: one of KINDS.
        md5s: MD5 of each output by path.

    Returns:
        dict: name to path; the name is the model's, or the file's where the pattern names none.
    """
    pattern = getattr(outputs, kind)
    if pattern is None:
        return {}
    found = {}
    for out in md5s:
        inside = pattern.startswith(f"{out.rstrip('/')}/")
        for path in revision.paths(out) if inside else [out]:
            if name := outputs.match(kind, path):
                found[name if "{" in pattern else PurePosixPath(path).stem] = path
    return dict(sorted(found.items()))


def metric_files(revision, claims=None):
    """The files that `dvc.yaml` declares as metrics and that can be read, by their prefix.

    Args:
        revision: Revision.
        claims: path that is left out.
    """
    pipeline = revision.pipeline()
    declared = [pipeline, *pipeline.get("stages", {}).values()]
    listed = [out for stage in declared for out in stage.get("metrics", ())]
    paths = dict.fromkeys(out if isinstance(out, str) else next(iter(out)) for out in listed)
    return {
        parsing.metric_prefix(path): path
        for path in sorted(paths)
        if path != claims and parsing.metric_parser(path) and revision.read(path) is not None
    }


def accuracy_names(models, metrics, outputs):
    """The name of the metric that a model's predictions decide, by model.

    It stands in the file `test_metrics`, under `MODEL.test.accuracy` or `MODEL.accuracy`; without
    the model's name where the pattern of predictions names none. Where neither is there, the
    accuracy is called `MODEL.accuracy`.
    """
    prefix = f"{parsing.metric_prefix(outputs.test_metrics)}." if outputs.test_metrics else ""
    names = {}
    for model in models:
        owner = f"{model}." if "{" in outputs.predictions else ""
        known = (f"{prefix}{owner}{key}" for key in ("test.accuracy", "accuracy"))
        names[model] = next((name for name in known if name in metrics), f"{model}.accuracy")
    return names


def _tables(revision, paths, parser):
    tables = {name: parsing.parse(revision, path, parser) for name, path in paths.items()}
    return {name: table for name, table in tables.items() if table is not None}
