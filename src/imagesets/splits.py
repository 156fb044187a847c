"""A split of the data: images with their labels, and how they are stored."""

from dataclasses import dataclass, field

import numpy as np

from studykit.files import write_arrays


class Rows:
    """Rows of an array in an order: an array of which only what is looked at is in memory."""

    def __init__(self, array, order):
        self._array, self._order = array, order
        self.shape, self.dtype = (len(order), *array.shape[1:]), array.dtype

    def __len__(self):
        return len(self._order)

    def __getitem__(self, key):
        return self._array[self._order[key]]

    @classmethod
    def of(cls, x, order):
        """Rows of an array, or of Rows."""
        return cls(x._array, x._order[order]) if isinstance(x, cls) else cls(x, order)


@dataclass(frozen=True)
class Split:
    """Images and their labels.

    Attributes:
        x: uint8 (n, height, width, channels), intensity 0–255; an array, or Rows of one.
        y: uint8 (n,), or uint16 beyond 256 classes: place of the class in `classes`.
        classes: names of all classes, of which some may have no image here.
    """

    x: np.ndarray | Rows
    y: np.ndarray
    classes: tuple[str, ...] = field(default=())

    def __post_init__(self):
        if len(self.x) != len(self.y):
            raise ValueError(
                f"expected a label for each of {len(self.x)} images, got {len(self.y)}"
            )

    def __len__(self):
        return len(self.y)

    @property
    def image_shape(self):
        """Height, width and channels."""
        return self.x.shape[1:]

    @property
    def num_classes(self):
        """How many classes there are."""
        return len(self.classes)


def save(path, split):
    """Write a split as an uncompressed .npz file with the arrays x, y and classes."""
    write_arrays(path, x=split.x, y=split.y, classes=np.array(split.classes))


def load(path):
    """Read a split that save wrote."""
    with np.load(path) as arrays:
        return Split(arrays["x"], arrays["y"], tuple(arrays["classes"].tolist()))
