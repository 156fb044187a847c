"""The three splits of the data: how they are made, described, stored and read."""

from dataclasses import dataclass

import numpy as np

from mnist_study.data.mnist import NUM_CLASSES
from studykit.files import atomic_write

BLOCK = 1000  # images that are counted at once


@dataclass(frozen=True)
class Split:
    """Images and their labels.

    Attributes:
        x: uint8 (n, 28, 28), intensity 0–255.
        y: uint8 (n,), digit 0–9.
    """

    x: np.ndarray
    y: np.ndarray

    def __post_init__(self):
        if len(self.x) != len(self.y):
            raise ValueError(
                f"expected a label for each of {len(self.x)} images, got {len(self.y)}"
            )

    def __len__(self):
        return len(self.y)


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


def save(path, split):
    """Write a split as an uncompressed .npz file with the arrays x and y."""
    with atomic_write(path) as beside:
        np.savez(beside, x=split.x, y=split.y)


def load(path):
    """Read a split that save wrote."""
    with np.load(path) as arrays:
        return Split(arrays["x"], arrays["y"])
