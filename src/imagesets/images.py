"""A data set as arrays: read, numbered, divided and checked."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imagesets import checks, formats, labels


@dataclass(frozen=True)
class ImageSet:
    """All images of a data set, in one array.

    Attributes:
        x: uint8 (n, height, width, channels), intensity 0–255.
        y: uint8 (n,), or uint16 beyond 256 classes: place of the class in `classes`.
        classes: names of the classes.
        train, test: rows of the images for training and for testing; disjoint, together all.
    """

    x: np.ndarray
    y: np.ndarray
    classes: list[str]
    train: np.ndarray
    test: np.ndarray


def read(folder, entry, *, fit=False):
    """Read a data set, and check it; what is doubtful is warned of.

    Args:
        folder: of the entry's files.
        entry: Entry.
        fit: whether images of another size are fitted, or refused.

    Returns:
        ImageSet.

    Raises:
        UserError: something is wrong with the data, in one line.
    """
    return divide(formats.module(entry.format).read(Path(folder), entry, fit), entry)


def divide(parts, entry):
    """Number what a reader found, divide and check it; see `read`.

    Args:
        parts: Parts.
        entry: Entry.
    """
    y = labels.number(parts.labels, entry)
    rows = np.arange(len(y))
    train, test = rows[: parts.num_train], rows[parts.num_train :]
    if not len(test) and entry.test_fraction is not None:
        train, test = draw_test(y, fraction=entry.test_fraction, seed=entry.test_seed)
    images = ImageSet(parts.x, y, entry.classes, train, test)
    checks.check(images, entry)
    return images


def draw_test(y, *, fraction, seed):
    """Draw test images: of each class its share, at least one of a class that has two.

    Args:
        y: (n,), the class of each image.
        fraction: share drawn, in (0, 1).
        seed: of the NumPy generator.

    Returns:
        Rows for training and rows for testing, each in the images' order.
    """
    drawn = np.zeros(len(y), bool)
    rng = np.random.default_rng(seed)
    for number in np.unique(y):
        rows = np.flatnonzero(y == number)
        share = min(max(1, round(len(rows) * fraction)), len(rows) - 1)
        drawn[rng.permutation(rows)[:share]] = True
    return np.flatnonzero(~drawn), np.flatnonzero(drawn)
