"""Metrics that are many of a kind, such as those of each class: a table, not a chart for each."""

import pandas as pd

from studykit.dotted import flatten

MANY = 8  # more numbers than these in one dictionary are a table


def divide(content, keep):
    """Divide what a metrics file holds into single values and tables.

    Args:
        content: dict of dicts.
        keep: function from the path of a dictionary, a tuple of keys, and the dictionary to
            whether it is no table, however much it holds.

    Returns:
        dict of values by name, with slashes; dict of DataFrame by name: a row per key, and a column
        for each dictionary that stands beside another one with the same keys.
    """
    values: dict = {}
    columns: dict[tuple, dict[str, dict]] = {}
    for path, inside in _dictionaries(content):
        if path and _is_table(inside) and not keep(path, inside):
            rows = tuple(inside)
            columns.setdefault((path[:-1], rows), {})[path[-1]] = inside
        else:
            single = {key: value for key, value in inside.items() if not isinstance(value, dict)}
            values |= flatten(single, prefix="".join(f"{key}/" for key in path))
    return values, {
        ".".join((*path, "-".join(found))): pd.DataFrame(found).rename_axis("key")
        for (path, _), found in columns.items()
    }


def _is_table(inside):
    numbers = [value for value in inside.values() if isinstance(value, int | float)]
    return len(numbers) == len(inside) > MANY


def _dictionaries(content, path=()):
    """A dictionary and all that are in it, each with the path of its keys, in their order."""
    yield path, content
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _dictionaries(value, (*path, str(key)))
