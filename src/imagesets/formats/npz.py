"""NumPy files as `keras.datasets` has them: an .npz with x_train, y_train, x_test and y_test."""

import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from imagesets.formats import BROKEN, Parts
from studykit.errors import UserError, one_line

BLOCK = 2**20  # bytes that are read at once


def read(folder, entry, fit):
    """Read the arrays of an .npz file; see `imagesets.formats`.

    Raises:
        UserError: the file is broken, or its arrays are none of images with labels.
    """
    path = Path(folder, next(iter(entry.files)))
    with _open(path) as archive:
        return _read(path, archive)


@contextmanager
def _open(path):
    """An .npz file as an archive; whatever is wrong with it is said in a line."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except BROKEN as error:
        raise UserError(
            f"{path}: expected a whole .npz file, received: {one_line(error)}; fetch the file again"
        ) from None


def guess(folder, names):
    """Keys of the entry of an .npz file: the classes, as the labels are numbered or called."""
    from imagesets.labels import class_names

    with _open(Path(folder, names[0])) as archive:
        parts = [p for p in ("train", "test") if f"y_{p}.npy" in archive.namelist()]
        return {"classes": class_names(np.concatenate([_labels(archive, p) for p in parts]))}


def _read(path, archive):
    names = set(archive.namelist())
    parts = [part for part in ("train", "test") if f"x_{part}.npy" in names]
    if "train" not in parts or any(f"y_{part}.npy" not in names for part in parts):
        found = ", ".join(sorted(name.removesuffix(".npy") for name in names))
        raise UserError(
            f"{path}: expected the arrays x_train and y_train, and x_test and y_test if there are "
            f"test images, found {found}"
        )
    labels = [_labels(archive, part) for part in parts]
    shapes = [_shape(path, archive, part, len(y)) for part, y in zip(parts, labels, strict=True)]
    if len({shape[1:] for shape in shapes}) > 1:
        raise UserError(
            f"{path}: expected images of one shape, received {shapes[0][1:]} and {shapes[1][1:]}"
        )
    x, at = np.empty((sum(shape[0] for shape in shapes), *shapes[0][1:]), np.uint8), 0
    for part, shape in zip(parts, shapes, strict=True):
        _read_into(archive, part, x[at : at + shape[0]])
        at += shape[0]
    return Parts(x if x.ndim == 4 else x[..., np.newaxis], np.concatenate(labels), shapes[0][0])


def _labels(archive, part):
    with archive.open(f"y_{part}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False).ravel()


def _header(file):
    version = np.lib.format.read_magic(file)
    reads = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    return reads[version](file)


def _shape(path, archive, part, num_labels):
    with archive.open(f"x_{part}.npy") as file:
        shape, by_column, dtype = _header(file)
    if (
        dtype != np.uint8
        or by_column
        or len(shape) not in (3, 4)
        or shape[3:] not in ((), (1,), (3,))
    ):
        raise UserError(
            f"{path}: x_{part}: expected uint8 (n, height, width) or (n, height, width, 1 or 3), "
            f"received {dtype} {shape}{' by column' if by_column else ''}"
        )
    if shape[0] != num_labels:
        raise UserError(
            f"{path}: y_{part}: expected a label for each of the {shape[0]:,} images, received "
            f"{num_labels:,}"
        )
    return shape


def _read_into(archive, part, x):
    view, at = x.reshape(-1).data, 0
    with archive.open(f"x_{part}.npy") as file:
        _header(file)
        while read := file.readinto(view[at : at + BLOCK]):
            at += read
    if at < len(view):
        raise EOFError(f"x_{part} ends after {at:,} of {len(view):,} bytes")
