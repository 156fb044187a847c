"""Parquet as Hugging Face's hub has it: a column of encoded images, and one of labels."""

import json
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from imagesets.formats import BROKEN, parts_of
from imagesets.labels import class_names
from imagesets.pictures import Picture, fill, most_common_size
from studykit.errors import UserError, one_line

ROWS = 256  # that are read at once


def read(folder, entry, fit):
    """Read tables of encoded images; see `imagesets.formats`.

    Raises:
        UserError: a file is broken, or has no columns of images and labels.
    """
    train, test = (
        [Path(folder, name) for name in names] for names in (entry.train_files, entry.test)
    )
    counts = [sum(_open(path).metadata.num_rows for path in paths) for paths in (train, test)]
    return fill(lambda: _pictures(train, test, entry.label), counts, size=entry.size, fit=fit)


def guess(folder, names):
    """Keys of the entry of some tables: classes by the schema or the labels, most images' size."""
    parts = parts_of(names)
    paths = [Path(folder, name) for name in names]
    file = _open(paths[0])
    _, column = _columns(paths[0], file, None)
    classes = _names_in(file.schema_arrow, column)
    if classes is None:
        with _whole(paths[0]):
            tables = (_open(path).read(columns=[column])[column].to_numpy() for path in paths)
            classes = class_names(np.concatenate(list(tables)))
    size = most_common_size(_pictures(paths, [], column))
    return parts | {"classes": classes, "label": column} | size


def _open(path):
    import pyarrow.parquet as pq

    with _whole(path):
        return pq.ParquetFile(path)


@contextmanager
def _whole(path):
    """Say of what cannot be read in the block that the file is broken."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, *BROKEN) as error:
        raise UserError(
            f"{path}: expected a whole Parquet file, received: {one_line(error)[:300]}; "
            "fetch the file again"
        ) from None


def _columns(path, file, label):
    """Names of the columns of images and of labels."""
    import pyarrow as pa

    schema = file.schema_arrow
    images = [
        field.name
        for field in schema
        if pa.types.is_binary(field.type)
        or pa.types.is_large_binary(field.type)
        or (pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0)
    ]
    rest = [name for name in schema.names if name not in images]
    labels = (
        [label] if label else [name for name in ("label", "labels", "fine_label") if name in rest]
    )
    if not images or not labels or labels[0] not in rest:
        raise UserError(
            f"{path}: expected a column of encoded images and a column {label or 'label'}, found "
            f"{', '.join(schema.names)}"
        )
    return images[0], labels[0]


def _names_in(schema, column):
    """The classes' names as the hub's library keeps them in the schema; None where it did not."""
    try:
        info = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return list(info[column]["names"])
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _pictures(train, test, label):
    for path in (*train, *test):
        file = _open(path)
        images, labels = _columns(path, file, label)
        for row, (content, name) in enumerate(_rows(path, file, images, labels)):
            where = f"{path}: row {row}"
            if not isinstance(content, bytes) or not isinstance(name, str | int):
                raise UserError(f"{where}: expected an image with its label, received none")
            yield Picture(where, name, path in test, content)


def _rows(path, file, images, labels):
    """Content of the image, and label, of each row."""
    left = promised = file.metadata.num_rows
    with _whole(path):
        for batch in file.iter_batches(ROWS, columns=[images, labels]):
            left -= batch.num_rows
            if left < 0:
                break
            for image, name in zip(batch[images], batch[labels], strict=True):
                content = image.as_py()
                yield content["bytes"] if isinstance(content, dict) else content, name.as_py()
        if left:
            raise ValueError(f"{promised} rows by its end, {'fewer' if left > 0 else 'more'} in it")
