"""Which runs a summary shows, and in which order: patterns of names, conditions on parameters."""

import difflib
import math
import operator
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from studykit.documents import parse_any_yaml
from studykit.errors import UserError

CONDITION = re.compile(r"(?P<key>[^<>=!]+)(?P<operator>!=|<=|>=|=|<|>)(?P<value>.*)")
OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Condition:
    """A condition on a parameter, such as `train.units>=20`."""

    key: str
    operator: str
    value: Any

    def holds(self, params):
        """Whether it holds for parameters; not where they lack it, or it is no number."""
        if self.key not in params:
            return False
        received = params[self.key]
        if self.operator in ("=", "!="):
            return OPERATORS[self.operator](received, self.value)
        return _is_number(received) and OPERATORS[self.operator](received, self.value)


def parse_condition(text):
    """Read a condition: a key, one of `= != < <= > >=`, and a value as YAML has it.

    Raises:
        UserError: it is none.
    """
    found = CONDITION.fullmatch(text)
    if found is None:
        raise UserError(f"--where {text}: expected KEY, one of = != < <= > >=, and a value")
    key, sign = found["key"].strip(), found["operator"]
    value = parse_any_yaml(found["value"].encode("utf-8", "surrogateescape"), f"--where {text}")
    if sign not in ("=", "!=") and not _is_number(value):
        raise UserError(f"--where {text}: expected a number after {sign}, received {value!r}")
    return Condition(key, sign, value)


def select(entries, patterns=(), conditions=()):
    """The entries that any of the patterns and every condition fit.

    Args:
        entries: list of Entry.
        patterns: of names, with * and ?; none for all.
        conditions: list of Condition.

    Raises:
        UserError: no entry has a parameter that a condition names.
    """
    keys = {key for entry in entries for key in entry.params}
    for condition in conditions:
        if condition.key not in keys:
            raise UserError(
                f"--where {condition.key}: expected a parameter, found none of that name"
                f"{_hint(condition.key, keys)}"
            )
    return [
        entry
        for entry in entries
        if not patterns or any(fnmatchcase(entry.name, pattern) for pattern in patterns)
        if all(condition.holds(entry.params) for condition in conditions)
    ]


def order(entries, key, headlines, *, reverse=False):
    """Entries in order: the best first for a metric, the latest first for `when`, else ascending.

    Args:
        entries: list of Entry.
        key: name or title of a metric, a parameter, `name` or `when`; None for the first headline.
        headlines: title of each by name.
        reverse: whether to turn the order round; those without a value stay last.

    Raises:
        UserError: there is nothing of that name.
    """
    key = key or next(iter(headlines), "name")
    value, descending = _value_of(entries, key, headlines)
    known = [entry for entry in entries if value(entry) is not None]
    known.sort(key=lambda entry: _comparable(value(entry)), reverse=descending != reverse)
    return known + [entry for entry in entries if value(entry) is None]


def metric_of(key, headlines):
    """The headline that a key of `order` means, or None.

    Args:
        key: name or title.
        headlines: title of each by name.
    """
    return next((name for name, title in headlines.items() if key in (name, title)), None)


def _value_of(entries, key, headlines):
    """A function of an entry, and whether larger values come first."""
    if key == "name":
        return lambda entry: entry.name, False
    if key == "when":
        return lambda entry: math.inf if entry.commit is None else entry.time, True
    name = {title: name for name, title in headlines.items()}.get(key, key)
    if any(name in entry.metrics for entry in entries) or name in headlines:
        return lambda entry: _finite(entry.metrics.get(name)), True
    if any(key in entry.params for entry in entries):
        return lambda entry: entry.params.get(key), False
    known = {each for entry in entries for each in (*entry.metrics, *entry.params)}
    raise UserError(
        f"--sort {key}: expected name, when, a metric or a parameter, found none of that name"
        f"{_hint(key, known)}"
    )


def _finite(value):
    return value if value is not None and math.isfinite(value) else None


def _comparable(value):
    """Numbers by size, before all else by how it is written."""
    return (0, value, "") if _is_number(value) else (1, 0, str(value))


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def _hint(key, known):
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
