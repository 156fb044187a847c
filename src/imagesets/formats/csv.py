"""Tables of pixels as Kaggle has them: a row an image, `label,pixel0,pixel1,…`."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from imagesets.formats import BROKEN, Parts, parts_of
from imagesets.labels import class_names
from studykit.errors import UserError, one_line

ROWS = 1000  # that are read at once
BLOCK = 2**20  # bytes that are counted at once


def read(folder, entry, fit):
    """Read tables; see `imagesets.formats`.

    Raises:
        UserError: a value is no intensity, or the number of pixels makes no image.
    """
    files = [Path(folder, name) for name in (*entry.train_files, *entry.test)]
    counts = [_count_lines(path) for path in files]
    x: Any = None
    labels, at, ends = [], 0, [0]
    for path in files:
        for chunk in _chunks(path, entry):
            pixels = _pixels(path, chunk, entry, row=at - ends[-1])
            if x is None:
                x = np.empty((sum(counts), *_shape(path, pixels.shape[1], entry)), np.uint8)
            if pixels.shape[1] != x[0].size:
                raise UserError(
                    f"{path}: expected {x[0].size} pixels a row as in {files[0].name}, received "
                    f"{pixels.shape[1]}"
                )
            x[at : at + len(chunk)] = pixels.reshape(-1, *x.shape[1:])
            labels.append(chunk[_label(chunk, entry)].to_numpy())
            at += len(chunk)
        ends.append(at)
    return Parts(x[:at], np.concatenate(labels), ends[len(entry.train_files)])


def guess(folder, names):
    """Keys of the entry of some tables; one without labels, as Kaggle's test.csv, is left out."""
    parts = parts_of(names) or {"train": names}
    first = _table(Path(folder, parts["train"][0]), nrows=1, header=None, dtype=str).iloc[0]
    header = not all(str(value).replace(".", "", 1).isdecimal() for value in first)
    label = ("label" if "label" in set(first) else first[0]) if header else 0
    labelled = {
        part: [name for name in files if not header or label in _table(Path(folder, name), nrows=0)]
        for part, files in parts.items()
    }
    labels = [
        _table(Path(folder, name), usecols=[label], header=0 if header else None)[label]
        for files in labelled.values()
        for name in files
    ]
    if not labels:
        raise UserError(
            f"{Path(folder, parts['train'][0])}: expected a column with the labels, named in the "
            "first line, found none; call it label"
        )
    keys = labelled | {"header": header, "label": label}
    return keys | {"classes": class_names(np.concatenate([each.to_numpy() for each in labels]))}


def _table(path, **options):
    import pandas as pd

    try:
        return pd.read_csv(path, **options)
    except BROKEN as error:
        raise _broken(path, error) from None


def _broken(path, error):
    return UserError(f"{path}: expected a CSV file, received: {one_line(error)[:300]}")


def _count_lines(path):
    """At least as many rows as there are: empty lines count, too."""
    with open(path, "rb") as file:
        is_gzipped = file.read(2) == b"\x1f\x8b"
    try:
        with (gzip.open if is_gzipped else open)(path, "rb") as file:
            return 1 + sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK), b""))
    except BROKEN as error:
        raise _broken(path, error) from None


def _chunks(path, entry):
    import pandas as pd

    try:
        with pd.read_csv(path, chunksize=ROWS, header=0 if entry.header else None) as chunks:
            yield from chunks
    except BROKEN as error:
        raise _broken(path, error) from None


def _label(chunk, entry):
    """The name of the column with the labels; the first by default."""
    if entry.label is None:
        return chunk.columns[0]
    if isinstance(entry.label, int) and entry.label not in chunk.columns:
        return chunk.columns[entry.label] if entry.label < len(chunk.columns) else entry.label
    return entry.label


def _pixels(path, chunk, entry, row):
    import pandas as pd

    label = _label(chunk, entry)
    if label not in chunk.columns:
        raise UserError(
            f"{path}: expected a column {label} with the labels, found "
            f"{', '.join(map(str, chunk.columns[:4]))}, …; name it in {entry.where('label')}"
        )
    table = chunk.drop(columns=label)
    values = table.apply(pd.to_numeric, errors="coerce").to_numpy()  # a word becomes no number
    wrong = ~((values >= 0) & (values <= entry.maximum))
    if entry.maximum == 255:
        wrong |= values != np.rint(values)
    if wrong.any():
        at, column = np.argwhere(wrong)[0]
        raise UserError(
            f"{path}: row {row + at + 1}, pixel {column}: expected an intensity 0–{entry.maximum}, "
            f"received {table.iat[at, column]}; mend it, or say {entry.where('maximum')}"
        )
    return values if entry.maximum == 255 else np.rint(values * (255 / entry.maximum))


def _shape(path, pixels, entry):
    """Height, width and channels of images of a number of values."""
    if entry.size:
        channels = pixels / (entry.size[0] * entry.size[1])
        if channels in (1, 3):
            return (*entry.size, int(channels))
        raise UserError(
            f"{path}: expected {entry.size[0]} × {entry.size[1]} pixels a row, of 1 or 3 channels, "
            f"received {pixels} values; mend {entry.where('size')}"
        )
    side = round(pixels**0.5)
    if side**2 != pixels or not side:
        raise UserError(
            f"{path}: expected a square number of pixels a row, received {pixels}; say "
            f"{entry.where('size')}: [HEIGHT, WIDTH]"
        )
    return side, side, 1
