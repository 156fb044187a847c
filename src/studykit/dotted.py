"""Nested dictionaries by dotted key, as DVC names parameters and metrics: `train.learning_rate`."""

import json
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
