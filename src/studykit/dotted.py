"""Nested dictionaries by dotted key, as DVC names parameters and metrics: `train.learning_rate`."""

import json
from pathlib import PurePosixPath
from typing import Any

MISSING = object()


def flatten(tree, *, separator=".", prefix="") -> dict[str, Any]:
    """Leaves by the path of their keys: {"val": {"loss": 1}} gives {"val.loss": 1}.

    Args:
        tree: dict of dicts.
        separator: between the keys of a path.
        prefix: put before each path.
    """
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            leaves |= flatten(value, separator=separator, prefix=f"{prefix}{key}{separator}")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves


def metric_prefix(path):
    """What the names of a file's metrics begin with: `metrics/a/b.json` gives `a.b`."""
    return str(PurePosixPath(path).with_suffix("")).removeprefix("metrics/").replace("/", ".")


def bounds(name, known, mark="."):
    """The names of the ends of a metric's interval: NAME_low and NAME_high, or those beside it.

    Args:
        name: of the metric, such as `test.accuracy`.
        known: names that there are, which may be those of a dict.
        mark: between the parts of a name.

    Returns:
        Two names, such as `test.low` and `test.high`; of neither it is said that it is there.
    """
    own = f"{name}_low", f"{name}_high"
    if any(end in known for end in own):
        return own
    beside = name[: len(name) - len(name.rpartition(mark)[2])]
    return f"{beside}low", f"{beside}high"


def canonical(tree):
    """A text that is the same for the same content, whatever the order of its keys."""
    try:
        return json.dumps(tree, sort_keys=True, default=str)
    except TypeError:  # keys of several types have no order
        return json.dumps(_with_words_as_keys(tree), sort_keys=True, default=str)


def _with_words_as_keys(tree):
    if isinstance(tree, dict):
        return {str(key): _with_words_as_keys(value) for key, value in tree.items()}
    return list(map(_with_words_as_keys, tree)) if isinstance(tree, list | tuple) else tree


def look_up(tree, key, default=MISSING):
    """The value at a dotted key.

    Args:
        tree: dict of dicts.
        key: such as `train.learning_rate`.
        default: returned where nothing is there.

    Raises:
        KeyError: nothing is there, and no default was given.
    """
    value = tree
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            if default is MISSING:
                raise KeyError(key)
            return default
        value = value[part]
    return value
