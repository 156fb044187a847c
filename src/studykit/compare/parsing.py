"""Parse the files of a study's results: metrics, tables, examples."""

import io
import tokenize
import tomllib
import zipfile
import zlib
from pathlib import PurePosixPath

import numpy as np
from pydantic import BaseModel

from studykit.documents import parse_any_yaml, parse_json, parse_table
from studykit.dotted import flatten
from studykit.errors import UserError, one_line

# What NumPy raises for a file that is no `.npz`, lacks an array, or holds another kind of one.
NO_ARRAYS = (
    ValueError, LookupError, TypeError, AttributeError, OSError, EOFError, MemoryError,
    RuntimeError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class _Claim(BaseModel):
    verdict: str


def metric_parser(path):
    """The parser of a file of metrics by its suffix, or None where it has none."""
    parsers = {
        ".json": parse_json,
        ".yaml": parse_any_yaml,
        ".yml": parse_any_yaml,
        ".toml": _parse_toml,
    }
    return parsers.get(PurePosixPath(path).suffix)


def _parse_toml(content, where):
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: expected TOML: {one_line(error)}") from None


def numbers(content, prefix, where):
    """The numbers of a metrics file by dotted name.

    Args:
        content: what its parser gave.
        prefix: what the names begin with.
        where: what messages call the file.

    Raises:
        UserError: it is a list or a text, or a number is not finite.
    """
    if isinstance(content, list | str):
        kind = type(content).__name__
        raise UserError(f"{where}: expected keys with numbers, received a {kind}")
    leaves = flatten({prefix: content})
    found = {
        name: value
        for name, value in leaves.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    for name, value in found.items():
        if value - value != 0:
            raise UserError(f"{where}: {name}: expected a finite number, received {value}")
    return found


def claims(content, where):
    """Verdicts on claims: claim to a dict with its verdict."""
    return parse_json(content, where, dict[str, _Claim])


def table(content, where="the table"):
    """A table of comma-separated values."""
    return parse_table(content, where)


def history(content, where):
    """A table with a row per epoch."""
    return parse_table(content, where, ["epoch"])


def predictions(content, where):
    """A table of predictions, a row per test example; it says a label and a prediction of each."""
    found = parse_table(content, where, ["label", "prediction"])
    lacking = found[["label", "prediction"]].isna().any(axis=1).to_numpy()
    if lacking.any():
        row = int(lacking.argmax()) + 1
        raise UserError(f"{where}: row {row}: expected a label and a prediction, found none")
    for name in ("label", "prediction"):
        if found[name].dtype == object and any(isinstance(value, int) for value in found[name]):
            raise UserError(f"{where}: {name}: expected names, or whole numbers of 64 bits at most")
    return found


def examples(content, where="the examples"):
    """Test examples that are images, by their index in the tables of predictions.

    Returns:
        dict: index to uint8 (height, width), 0–255; empty where the examples are no images.

    Raises:
        UserError: it is no `.npz` file with the arrays x, and index, of one length.
    """
    try:
        with np.load(io.BytesIO(content)) as arrays:
            images = to_grey(arrays["x"])
            index = arrays["index"].tolist()
        return {} if images is None else dict(zip(index, images, strict=True))
    except NO_ARRAYS as error:
        raise UserError(
            f"{where}: expected a .npz file with x and index: {one_line(error)[:200]}"
        ) from None


def to_grey(images):
    """Images in shades of grey.

    Args:
        images: (n, height, width) or with 1, 3 or 4 channels at the end; uint8, or any other
            numbers, whose range over all images becomes 0–255.

    Returns:
        uint8 (n, height, width); None where the shape is none of images.
    """
    if images.ndim == 4 and images.shape[-1] in (1, 3, 4):
        images = images[..., :3].mean(axis=-1).astype(images.dtype)
    if images.ndim != 3:
        return None
    if images.dtype == np.uint8 or not images.size:
        return images.astype(np.uint8)
    low, high = float(images.min()), float(images.max())
    return np.round((images - low) * (255 / ((high - low) or 1))).astype(np.uint8)
