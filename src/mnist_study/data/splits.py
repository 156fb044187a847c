"""A split of the data: images with their labels, and how they are stored."""

from dataclasses import dataclass

import numpy as np

from studykit.files import write_arrays


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


def save(path, split):
    """Write a split as an uncompressed .npz file with the arrays x and y."""
    write_arrays(path, x=split.x, y=split.y)


def load(path):
    """Read a split that save wrote."""
    with np.load(path) as arrays:
        return Split(arrays["x"], arrays["y"])
