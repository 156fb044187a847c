"""Nested dictionaries by dotted key, as DVC names parameters and metrics: `train.learning_rate`."""

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
