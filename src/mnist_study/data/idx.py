"""Read the IDX files that MNIST comes in, and nothing that merely looks like them.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", section
"File formats". Two zero bytes, a byte for the type, a byte for the number of dimensions, then each
dimension as a big-endian 32-bit integer, then the values, the last dimension fastest.
"""

from pathlib import Path

import numpy as np

from mnist_study.data.mnist import IMAGE_SIZE, NUM_CLASSES
from mnist_study.data.splits import Split
from studykit.errors import UserError

UNSIGNED_BYTE = 0x08


def read_split(folder, part):
    """Read the images of one part of MNIST, and their labels.

    Args:
        folder: of the four files.
        part: "train" or "t10k", as the files' names begin.

    Returns:
        Split.

    Raises:
        UserError: a file is broken, or there is not a label for each image.
    """
    images, labels = (
        Path(folder, f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1")
    )
    x, y = read_images(images), read_labels(labels)
    if len(x) != len(y):
        raise UserError(
            f"{labels}: expected a label for each of the {len(x):,} images in {images.name}, "
            f"received {len(y):,}; the two are not of one data set"
        )
    return Split(x, y)


def read_images(path):
    """Read an image file.

    Returns:
        uint8 (n, 28, 28), intensity 0–255.

    Raises:
        UserError: not exactly an IDX file of images of that size.
    """
    x = _read(path, ndim=3)
    if x.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE):
        received = f"{x.shape[1]} × {x.shape[2]}"
        raise _broken(path, f"images of {IMAGE_SIZE} × {IMAGE_SIZE}", received)
    return x


def read_labels(path):
    """Read a label file.

    Returns:
        uint8 (n,), digit 0–9.

    Raises:
        UserError: not exactly an IDX file of labels in that range.
    """
    y = _read(path, ndim=1)
    if y.size and y.max() >= NUM_CLASSES:
        at = int(np.argmax(y >= NUM_CLASSES))
        raise _broken(path, f"labels 0–{NUM_CLASSES - 1}", f"{y[at]} at index {at}")
    return y


def _read(path, *, ndim):
    data = Path(path).read_bytes()
    magic = bytes([0, 0, UNSIGNED_BYTE, ndim])
    if data[:4] != magic:
        raise _broken(path, f"the magic number {magic.hex()}", data[:4].hex() or "an empty file")
    header = 4 + 4 * ndim
    if len(data) < header:
        raise _broken(path, f"a header of {header} bytes", f"a file of {len(data)}")
    shape = tuple(int(size) for size in np.frombuffer(data, ">u4", count=ndim, offset=4))
    size = header + int(np.prod(shape, dtype=object))
    if len(data) != size:
        raise _broken(path, f"{size:,} bytes for shape {shape}", f"{len(data):,}")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def _broken(path, expected, received):
    return UserError(f"{path}: expected {expected}, received {received}; fetch the file again")
