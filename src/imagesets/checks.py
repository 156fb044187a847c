"""What can be wrong with a data set that is read: a mistake ends it in a line, a doubt is told."""

import hashlib

import numpy as np

from studykit.errors import UserError, warn


def check(images, entry):
    """Check a data set.

    Args:
        images: ImageSet.
        entry: Entry.

    Raises:
        UserError: a part or a class has no image.
    """
    if len(images.train) < 2:
        received = f"{len(images.train)} image{'' if len(images.train) == 1 else 's'}"
        raise UserError(
            f"{entry.where('files')}: expected at least 2 training images, received {received}; "
            "name other files, or add images"
        )
    if not len(images.test):
        raise UserError(
            f"{entry.where('files')}: expected test images, found none; say which share of the "
            f"images is for testing: {entry.where('test_fraction')}: 0.2"
        )
    if lacking := _lacking(images, images.train):
        raise UserError(
            f"{entry.where('classes')}: expected training images of each class, found none of "
            f"{_list(lacking)}; add images, or remove the class there"
        )
    if lacking := _lacking(images, images.test):
        warn(f"{entry.name}: no test image is of {_list(lacking)}: nothing is measured on it")
    if repeated := count_repeated(images.x, images.train, images.test):
        warn(
            f"{entry.name}: {repeated:,} of {len(images.test):,} test images are among the "
            "training images, pixel by pixel; what is measured on them says little"
        )


def count_repeated(x, train, test):
    """How many test images are, pixel by pixel, among the training images.

    Args:
        x: uint8 (n, height, width, channels).
        train, test: rows of it.
    """
    digests = np.fromiter((_digest(image) for image in x), np.uint64, len(x))
    return int(np.isin(digests[test], digests[train]).sum())


def _digest(image):
    return int.from_bytes(hashlib.blake2b(image.data, digest_size=8).digest(), "little")


def _lacking(images, rows):
    counts = np.bincount(images.y[rows], minlength=len(images.classes))
    return [images.classes[number] for number in np.flatnonzero(counts == 0)]


def _list(names):
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if names[10:] else "")
