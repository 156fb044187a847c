"""Pictures that are decoded one by one, from wherever they lie, into one array."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from imagesets import sizes
from imagesets.formats import Parts
from studykit.errors import warn


@dataclass(frozen=True)
class Picture:
    """One picture, still encoded.

    Attributes:
        where: it lies, for messages.
        label: name or number of its class.
        is_test: whether it is for testing.
        content: bytes of its file.
    """

    where: str
    label: str | int
    is_test: bool
    content: bytes


class _ColourError(Exception):
    """A coloured picture among grey ones: all get three channels."""


def fill(pictures, counts, *, size, fit):
    """Decode pictures into an array that is made once; only one picture is held besides.

    Args:
        pictures: function that returns an iterator over Picture; it is called again where a
            coloured picture comes after grey ones.
        counts: of the training pictures, and of the test pictures.
        size: height and width; None for those of the first picture.
        fit: whether a picture of another size is fitted, or refused.

    Returns:
        Parts.
    """
    try:
        return _fill(pictures(), counts, size, fit, colour=False)
    except _ColourError:
        return _fill(pictures(), counts, size, fit, colour=True)


def _fill(pictures, counts, size, fit, colour):
    channels = 3 if colour else 1
    x = np.empty((0, *(size or (1, 1)), channels), np.uint8)
    numbers: dict[str | int, int] = {}  # of classes, in the order of their coming
    labels = np.empty(sum(counts), np.int32)
    ends = [0, counts[0]]
    for picture in pictures:
        image = sizes.decode(picture.content, picture.where)
        if image.mode == "RGB" and not colour:
            raise _ColourError
        if not len(x):
            size = size or (image.height, image.width)
            x = np.empty((sum(counts), *size, channels), np.uint8)
        made = sizes.make_alike(image, size=size, colour=colour, fit=fit, where=picture.where)
        at = ends[picture.is_test]
        x[at] = made.reshape(x.shape[1:])
        labels[at] = numbers.setdefault(picture.label, len(numbers))
        ends[picture.is_test] += 1
    return Parts(x, np.array(list(numbers))[labels] if numbers else labels, counts[0])


def most_common_size(pictures):
    """Height and width that most pictures have, as a key of their entry.

    Args:
        pictures: iterator over Picture.

    Returns:
        dict: `size`; empty where there is no picture.
    """
    found = Counter(
        (image.height, image.width)
        for picture in pictures
        for image in [sizes.decode(picture.content, picture.where)]
    )
    sizes_in_order = [size for size, _ in found.most_common()]
    if len(found) > 1:
        height, width = sizes_in_order[0]
        warn(
            f"pictures of {len(found)} sizes, most of {height} × {width}: the study refuses the "
            "others, or scales them with data.sizes=fit"
        )
    return {"size": list(sizes_in_order[0])} if found else {}
