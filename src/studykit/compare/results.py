"""All that a comparison needs of a revision: parameters, lock, metrics, predictions, images."""

import io
import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studykit.errors import UserError
from studykit.records.stale import stale_stages

CLAIMS = "metrics/claims.json"
EXAMPLES = "plots/evaluate/examples.npz"
PREDICTIONS = re.compile(r"plots/evaluate/(?P<net>\w+)_predictions\.csv")
HISTORY = re.compile(r"plots/train_(?P<net>\w+)/history\.csv")


@dataclass(frozen=True)
class Results:
    """What is known of a revision.

    Attributes:
        label: what to call it.
        params: value by dotted key.
        lock: stage to its entry in `dvc.lock`.
        metrics: number by name: the file's, then its keys, with dots between.
        claims: claim to dict of claims.Verdict's fields.
        predictions: net to a table with label, prediction and confidence, a row per test image.
        histories: net to a table with a row per epoch.
        images: test image by its index, uint8 (28, 28), of those that a net gets wrong and more.
        stale: stage to the reasons why its results are not those of the revision's code.
    """

    label: str
    params: dict[str, Any]
    lock: dict[str, dict]
    metrics: dict[str, float]
    claims: dict[str, dict]
    predictions: dict[str, pd.DataFrame]
    histories: dict[str, pd.DataFrame]
    images: dict[int, np.ndarray]
    stale: dict[str, list[str]]


def read_results(revision):
    """Read all that a revision holds; what it lacks is empty.

    Raises:
        UserError: a file is not what its name says.
    """

    def tables(folder, pattern):
        found = ((pattern.fullmatch(path), path) for path in revision.paths(folder))
        return {match["net"]: _read(revision, path, _table) for match, path in found if match}

    metrics: dict[str, Any] = {}
    for path in revision.paths("metrics"):
        if path.endswith(".json") and path != CLAIMS:
            name = path.removeprefix("metrics/").removesuffix(".json").replace("/", ".")
            metrics |= flatten(_read(revision, path, json.loads), f"{name}.")
    return Results(
        label=revision.label,
        params=flatten(revision.params()),
        lock=revision.lock(),
        metrics={
            name: value
            for name, value in metrics.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        },
        claims=_read(revision, CLAIMS, json.loads) or {},
        predictions=tables("plots/evaluate", PREDICTIONS),
        histories=tables("plots", HISTORY),
        images=_read(revision, EXAMPLES, _images) or {},
        stale=stale_stages(revision),
    )


def flatten(tree, prefix=""):
    """Leaves of nested dicts by dotted key."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            leaves |= flatten(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def _read(revision, path, parse):
    """Parse a file's bytes; None where there is no such file."""
    content = revision.read(path)
    if content is None:
        return None
    try:
        return parse(content)
    except (ValueError, KeyError) as error:
        raise UserError(f"{revision.label}: {path}: cannot be read: {error}") from None


def _table(content):
    return pd.read_csv(io.BytesIO(content))


def _images(content):
    with np.load(io.BytesIO(content)) as arrays:
        return dict(zip(arrays["index"].tolist(), arrays["x"], strict=True))
