"""YAML, JSON and tables, as bytes that a person or a merge may have spoilt.

Whatever is wrong with them is a UserError of one line that names the file; no other error comes
out of here, and neither does a value that the rest of the kit could not go on with.
"""

import io
import json
import re
from datetime import date
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError, create_model
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from studykit.errors import UserError, one_line

CONFLICT = re.compile(rb"^<<<<<<< ", re.MULTILINE)  # how Git begins what it could not merge
DEEPEST = 100  # levels of lists and keys
MOST = 10**6  # values, those counted again that an alias repeats
LARGEST = 1023  # bits of a whole number: as a float, it would be infinite beyond
KEYS = (str, int, float, type(None))  # as JSON takes them; bool is an int
SCALARS = (*KEYS, date, bytes)
NESTED = re.compile(r"[\[{]|[-?:] (?=[-?:] )")  # what begins a level without a line of its own
LIBYAML = 5000  # levels that libyaml goes down by recursion, without a look at its stack

_yaml = YAML(typ="safe")


def parse_yaml(content, where):
    """Parse YAML with keys and values.

    Args:
        content: bytes of the file.
        where: what messages call it.

    Returns:
        dict; empty where the file is.

    Raises:
        UserError: it is no such YAML, or not in UTF-8, as DVC reads it.
    """
    values = parse_any_yaml(content, where)
    if values is not None and not isinstance(values, dict):
        kinds: dict[type, str] = {str: "text", list: "a list"}
        kind = kinds.get(type(values), f"{values!r}"[:50])
        raise UserError(f"{where}: expected keys with values, received {kind}")
    return values or {}


def parse_any_yaml(content, where):
    """Parse YAML that may hold something else than keys; see `parse_yaml`."""
    text = decode(content, where)
    try:
        if len(NESTED.findall(text)) > LIBYAML:
            _check_events(text, where)
        values = _yaml.load(text)
    except YAMLError as error:
        raise _no("YAML", where, content, error) from None
    # What a tag, or what looks like a date, does not fit: `!!int x`, 2001-99-99.
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise _no("YAML", where, content, error) from None
    except RecursionError:
        raise _too_deep(where) from None
    _check_values(values, where)
    return values


def parse_json(content, where, shape: Any = None):
    """Parse JSON.

    Args:
        content: bytes of the file.
        where: what messages call it.
        shape: type that pydantic checks it by, such as `dict[str, float]`; None for any.

    Returns:
        What it holds, of JSON's types.

    Raises:
        UserError: it is no JSON, or of another shape.
    """
    text = decode(content, where)
    try:
        values = json.loads(text)
    except ValueError as error:
        raise _no("JSON", where, content, error) from None
    except RecursionError:
        raise _too_deep(where) from None
    _check_values(values, where)
    if shape is not None:
        check_shape(shape, values, where)
    return values


def check_shape(shape, values, where):
    """Check what a file holds by a type that pydantic knows; return it as that type.

    A dict as shape names the keys that have to be there, each with its type.

    Raises:
        UserError: the first mistake, in a line.
    """
    shape = tuple(shape.items()) if isinstance(shape, dict) else shape
    try:
        return _adapter(shape).validate_python(values)
    except ValidationError as invalid:
        error = invalid.errors()[0]
        keys = [str(part) for part in error["loc"]]
        place = f"{where}: {'.'.join(keys)}" if keys else where
        received = "" if error["type"] == "missing" else f", received {error['input']!r:.60}"
        raise UserError(f"{place}: {error['msg']}{received}") from None


@lru_cache(maxsize=64)
def _adapter(shape):
    """What checks values; a tuple of keys, each with its type, stands for a dict as shape."""
    if isinstance(shape, tuple):
        fields: dict[str, Any] = {key: (kind, ...) for key, kind in shape}
        shape = create_model("Shape", **fields)
    return TypeAdapter(shape)


def parse_table(content, where, columns=()):
    """Parse a table of comma-separated values.

    Args:
        content: bytes of the file.
        where: what messages call it.
        columns: names of columns that it has to have.

    Returns:
        pandas.DataFrame.

    Raises:
        UserError: it is none, or lacks a column.
    """
    import pandas as pd

    _refuse_conflict("a table", where, content)
    try:
        table = pd.read_csv(io.BytesIO(content))
    except (ValueError, OverflowError) as error:  # pandas' own are ValueErrors
        raise _no("a table", where, content, error) from None
    if lacking := [name for name in columns if name not in table]:
        found = ", ".join(map(str, table.columns[:6]))
        raise UserError(f"{where}: expected a column {lacking[0]}, found {found}")
    return table


def plain(values):
    """What may hold numbers that JSON has not, NaN and infinite ones, with None in their places.

    Args:
        values: of lists and dicts.
    """
    if isinstance(values, dict):
        return {key: plain(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [plain(value) for value in values]
    is_finite = not isinstance(values, float) or values - values == 0
    return values if is_finite else None


def decode(content, where):
    """Bytes as text in UTF-8, with or without a mark at its beginning.

    Raises:
        UserError: they are none.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        begins = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        received = "UTF-16" if begins else f"the byte {content[error.start]:#04x}"
        at = "" if begins else f" at {error.start:,}"
        raise UserError(f"{where}: expected text in UTF-8, received {received}{at}") from None


def _no(expected, where, content, error):
    _refuse_conflict(expected, where, content)
    said = one_line(error).replace('in "<unicode string>", line', "in line")
    return UserError(f"{where}: expected {expected}: {said[:300]}")


def _refuse_conflict(expected, where, content):
    if CONFLICT.search(content):
        raise UserError(f"{where}: expected {expected}, found a merge conflict; resolve it")


def _too_deep(where):
    return UserError(f"{where}: expected at most {DEEPEST} levels of lists and keys, found more")


def _check_events(text, where):
    """Go through a file level by level, before libyaml goes down all of them at once."""
    depth = 0
    for event in _yaml.parse(text):
        name = type(event).__name__
        depth += name.endswith("StartEvent") - name.endswith("EndEvent")
        if depth > LIBYAML:
            raise _too_deep(where)


def _check_values(values, where):
    """Check that values are a tree of moderate depth and size, of what JSON or YAML have alike."""
    level, count = [values], 1
    for _ in range(DEEPEST):
        below: list[Any] = []
        for each in level:
            if count + len(below) > MOST:
                raise UserError(f"{where}: expected at most {MOST:,} values, found more")
            if isinstance(each, dict):
                if odd := [key for key in each if not isinstance(key, KEYS)]:
                    raise UserError(f"{where}: expected words as keys, received {odd[0]!r:.60}")
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, int) and each.bit_length() > LARGEST:
                raise UserError(f"{where}: expected numbers below 2**{LARGEST}, received a larger")
            elif not isinstance(each, SCALARS):
                kind = type(each).__name__
                raise UserError(
                    f"{where}: expected lists, keys and plain values, received a {kind}"
                )
        if not below:
            return
        level, count = below, count + len(below)
    raise _too_deep(where)
