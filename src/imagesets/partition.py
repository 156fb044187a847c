"""Hold out validation images, and say what a split looks like."""

import numpy as np

from imagesets.splits import Rows, Split
from studykit.errors import UserError

BLOCK = 1000  # images that are counted at once


def split_train_val(data, *, val_fraction, seed):
    """Shuffle once, then hold out validation images.

    Args:
        data: Split of n images.
        val_fraction: share held out, in (0, 1).
        seed: seed of the NumPy generator.

    Returns:
        Split for training, Split for validation: disjoint, together n images, which stay where
        they are.

    Raises:
        UserError: nothing is left for one of the two.
    """
    num_val = round(len(data) * val_fraction)
    if not 0 < num_val < len(data):
        raise UserError(
            "params.yaml: preprocess.val_fraction: expected a share that leaves images for "
            f"training and for validation, received {val_fraction} of {len(data):,} images"
        )
    order = np.random.default_rng(seed).permutation(len(data))
    return take(data, order[num_val:]), take(data, order[:num_val])


def take(data, rows):
    """Some images of a Split, as a Split; they stay where they are."""
    return Split(Rows.of(data.x, rows), data.y[rows], data.classes)


def describe(split):
    """Count and measure a split.

    Returns:
        dict: number of images, mean and standard deviation of intensity (0–255), and the number
        of images of each class, by its name.
    """
    per_class = np.bincount(split.y, minlength=split.num_classes)
    # Block by block: bincount makes eight bytes of each. Whole numbers are exact in any order.
    blocks = (split.x[at : at + BLOCK].ravel() for at in range(0, len(split), BLOCK))
    counts = (np.bincount(block, minlength=256) for block in blocks)
    histogram = sum(counts, start=np.zeros(256, int))
    levels = np.arange(256)
    mean = float(histogram @ levels / histogram.sum())
    # Not a matrix product: BLAS sums in an order that it chooses by the processor.
    variance = float(np.sum(histogram * (levels - mean) ** 2) / histogram.sum())
    return {
        "images": len(split),
        "intensity_mean": mean,
        "intensity_std": variance**0.5,
        "images_per_class": dict(zip(split.classes, per_class.tolist(), strict=True)),
    }


def first_of_each_class(split, number):
    """The first images of each class.

    Args:
        split: Split.
        number: of images of each class.

    Returns:
        uint8 (classes, number, height, width, channels); black images where there are fewer.
    """
    first = np.zeros((split.num_classes, number, *split.image_shape), np.uint8)
    for label, row in enumerate(first):
        images = split.x[np.flatnonzero(split.y == label)[:number]]
        row[: len(images)] = images
    return first
