"""Parse the files of a study's results: metrics, tables, examples."""

import io
import json
import tomllib
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from studykit.dotted import flatten
from studykit.errors import UserError


def parse(content, parser, where):
    """Parse a file.

    Args:
        content: its bytes, or None where there is no such file.
        parser: function of the bytes.
        where: what messages call the file.

    Returns:
        What the parser gives; None where there is no such file.

    Raises:
        UserError: the file is not what its name says.
    """
    if content is None:
        return None
    try:
        return parser(content)
    except (ValueError, KeyError, YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{where}: cannot be read: {reason}") from None


def metric_parser(path):
    """The parser of a file of metrics by its suffix, or None where it has none."""
    parsers = {
        ".json": json.loads,
        ".yaml": YAML(typ="safe").load,
        ".yml": YAML(typ="safe").load,
        ".toml": lambda content: tomllib.loads(content.decode()),
    }
    return parsers.get(PurePosixPath(path).suffix)


def metric_prefix(path):
    """What the names of a file's metrics begin with: `metrics/a/b.json` gives `a.b`."""
    return str(PurePosixPath(path).with_suffix("")).removeprefix("metrics/").replace("/", ".")


def numbers(content, prefix):
    """The numbers of a metrics file by dotted name."""
    leaves = flatten({prefix: content})
    return {
        name: value
        for name, value in leaves.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def table(content):
    """A table of comma-separated values."""
    return pd.read_csv(io.BytesIO(content))


def predictions(content):
    """A table of predictions, a row per test example.

    Raises:
        ValueError: a column is missing.
    """
    found = table(content)
    if not {"label", "prediction"} <= set(found):
        columns = ", ".join(map(str, found))
        raise ValueError(f"expected the columns label and prediction, received {columns}")
    return found


def examples(content):
    """Test examples that are images, by their index in the tables of predictions.

    Returns:
        dict: index to uint8 (height, width), 0–255; empty where the examples are no images.
    """
    with np.load(io.BytesIO(content)) as arrays:
        images = to_grey(arrays["x"])
        index = arrays["index"].tolist()
    return {} if images is None else dict(zip(index, images, strict=True))


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
