"""Hold out validation images, and say what a split looks like."""

import numpy as np

from mnist_study.data.mnist import NUM_CLASSES
from mnist_study.data.splits import Split

BLOCK = 1000  # images that are counted at once


def split_train_val(data, *, val_fraction, seed):
    """Shuffle once, then hold out validation images.

    Args:
        data: Split of n images.
        val_fraction: share held out, in (0, 1).
        seed: seed of the NumPy generator.

    Returns:
        Split for training, Split for validation: disjoint, together n images.

    Raises:
        ValueError: nothing is left for one of the two.
    """
    num_val = round(len(data) * val_fraction)
    if not 0 < num_val < len(data):
        raise ValueError(f"val_fraction {val_fraction} of {len(data)} images leaves a split empty")
    order = np.random.default_rng(seed).permutation(len(data))
    val, train = order[:num_val], order[num_val:]
    return Split(data.x[train], data.y[train]), Split(data.x[val], data.y[val])


def describe(split):
    """Count and measure a split.

    Returns:
        dict: number of images, mean and standard deviation of intensity (0–255), and the number
        of images of each digit.
    """
    per_digit = np.bincount(split.y, minlength=NUM_CLASSES)
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
        "images_per_digit": {str(digit): int(count) for digit, count in enumerate(per_digit)},
    }


def first_of_each_class(split, number):
    """The first images of each digit.

    Args:
        split: Split.
        number: of images of each digit.

    Returns:
        uint8 (10, number, 28, 28); black images where there are fewer.
    """
    first = np.zeros((NUM_CLASSES, number, *split.x.shape[1:]), np.uint8)
    for digit, row in enumerate(first):
        images = split.x[np.flatnonzero(split.y == digit)[:number]]
        row[: len(images)] = images
    return first
