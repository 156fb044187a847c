"""IDX files, gzipped or not, and nothing that merely looks like them.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", section
"File formats". Two zero bytes, a byte for the type, a byte for the number of dimensions, then each
dimension as a big-endian 32-bit integer, then the values, the last dimension fastest.
"""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imagesets.formats import Parts, parts_of
from studykit.errors import UserError

BYTES, LABELS = 0x08, {0x08: ">u1", 0x0B: ">i2", 0x0C: ">i4"}  # types
BLOCK = 2**20  # bytes that are read at once
MOST_PACKED = 1100  # times a gzipped file can grow
AGAIN = "fetch the file again"


@dataclass(frozen=True)
class Header:
    """What an IDX file says of itself: its path, type, sizes, and where its values begin."""

    path: Path
    type: int
    shape: tuple[int, ...]
    length: int


def read(folder, entry, fit):
    """Read pairs of files, images and their labels; see `imagesets.formats`.

    Raises:
        UserError: a file is broken, or there is not a label for each image.
    """
    pairs = [_pair(folder, entry, "train"), _pair(folder, entry, "test")]
    headers = [[_header(path) for path in pair] for pair in pairs if pair]
    for images, labels in headers:
        _check_pair(images, labels, entry)
    first = headers[0][0]
    for images, _ in headers:
        if images.shape[1:] != first.shape[1:]:
            raise UserError(
                f"{images.path}: expected images of {_times(first.shape)} as in {first.path.name}, "
                f"received {_times(images.shape)}; the two are not of one data set"
            )
    counts = [images.shape[0] for images, _ in headers]
    x = np.empty((sum(counts), *first.shape[1:]), np.uint8)
    labels, at = [], 0
    for (images, names), count in zip(headers, counts, strict=True):
        _read_into(images, x[at : at + count])
        labels.append(np.empty(count, LABELS[names.type]))
        _read_into(names, labels[-1])
        at += count
    x = x if x.ndim == 4 else x[..., np.newaxis]
    return Parts(x, np.concatenate([each.astype(np.int32) for each in labels]), counts[0])


def guess(folder, names):
    """Keys of the entry of some IDX files: which are images and which labels, by their headers."""
    headers = {name: _header(Path(folder, name)) for name in names}
    largest = 0
    for header in headers.values():
        if len(header.shape) == 1 and header.shape[0]:
            if header.type not in LABELS:
                raise _unlike(header, "labels")
            _check_length(header, LABELS[header.type])
            labels = np.empty(header.shape, LABELS[header.type])
            _read_into(header, labels)
            largest = max(largest, int(labels.max()))
    parts = {
        part: sorted(files, key=lambda name: -len(headers[name].shape))  # images come first
        for part, files in (parts_of(names) or {"train": names}).items()
    }
    return parts | {"classes": [str(label) for label in range(largest + 1)]}


def _pair(folder, entry, part):
    names = getattr(entry, part)
    if not names and part == "test":
        return None
    if len(names) != 2:
        raise UserError(
            f"{entry.where(part)}: expected two files, of images and of labels, received "
            f"{', '.join(names) or 'none'}"
        )
    return [Path(folder, name) for name in names]


def _check_pair(images, labels, entry):
    if len(images.shape) == 1 and len(labels.shape) > 1:
        raise UserError(
            f"{images.path}: expected images, received labels; swap the two files in "
            f"{entry.where('test' if images.path.name in entry.test else 'train')}"
        )
    if (
        len(images.shape) not in (3, 4)
        or images.type != BYTES
        or images.shape[3:] not in ((), (1,), (3,))
    ):
        raise _unlike(images, "images of bytes, of 1 or 3 channels")
    if len(labels.shape) != 1 or labels.type not in LABELS:
        raise _unlike(labels, "labels")
    if images.shape[0] != labels.shape[0]:
        raise UserError(
            f"{labels.path}: expected a label for each of the {images.shape[0]:,} images in "
            f"{images.path.name}, received {labels.shape[0]:,}; the two are not of one data set"
        )
    _check_length(images, np.uint8)
    _check_length(labels, LABELS[labels.type])


def _unlike(header, expected):
    return UserError(
        f"{header.path}: expected {expected}, received values of type {header.type:#04x} and shape "
        f"{header.shape}; name another file in datasets.yaml"
    )


def _times(shape):
    return " × ".join(map(str, shape[1:]))


def _open(path):
    if not Path(path).exists():
        raise UserError(f"{path}: expected a file, found none; {AGAIN}: dvc repro fetch")
    with open(path, "rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if gzipped else open(path, "rb")


def _header(path):
    with _open(path) as file:
        try:
            start = file.read(4)
            shape = [file.read(4) for _ in range(start[3] if len(start) == 4 else 0)]
        except (OSError, EOFError, zlib.error) as error:
            raise _broken(path, "a whole gzipped file", str(error)) from None
    if len(start) < 4 or start[:2] != b"\0\0" or not 0 < start[3] <= 4:
        raise _broken(path, "an IDX file, which begins with 0000", start.hex() or "an empty file")
    if any(len(size) < 4 for size in shape):
        length = 4 + sum(map(len, shape))
        raise _broken(path, f"a header of {4 + 4 * start[3]} bytes", f"a file of {length}")
    sizes = tuple(int.from_bytes(size, "big") for size in shape)
    return Header(Path(path), start[2], sizes, 4 + 4 * start[3])


def _check_length(header, dtype):
    """Compare a file's length with what its header says, before there is memory asked for it."""
    expected = header.length + np.dtype(dtype).itemsize * int(np.prod(header.shape, dtype=object))
    packed = header.path.stat().st_size
    with _open(header.path) as file:
        if isinstance(file, gzip.GzipFile):
            if expected <= MOST_PACKED * packed:
                return  # reading tells the rest
            received = f"a gzipped file of {packed:,}"
        else:
            received = f"{packed:,}" if packed != expected else ""
    if received:
        raise _broken(header.path, f"{expected:,} bytes for shape {header.shape}", received)


def _read_into(header, array):
    expected, view, at = header.length + array.nbytes, array.reshape(-1).view(np.uint8).data, 0
    with _open(header.path) as file:
        try:
            file.seek(header.length)
            while read := file.readinto(view[at : at + BLOCK]):
                at += read
            received = header.length + at
            while more := file.read(BLOCK):
                received += len(more)
        except (OSError, EOFError, zlib.error) as error:
            raise _broken(header.path, f"{expected:,} bytes", str(error)) from None
    if received != expected:
        raise _broken(header.path, f"{expected:,} bytes for shape {header.shape}", f"{received:,}")


def _broken(path, expected, received):
    return UserError(f"{path}: expected {expected}, received {received}; {AGAIN}")
