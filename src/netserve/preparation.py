"""Prepare a picture as a data set's makers prepared theirs, so that a net sees what it has learned.

Nets read what lies in the data's own place, size and intensity. A photo has none of these.
"""

from dataclasses import dataclass

import numpy as np

from netserve.ink import find_ink
from netserve.objects import find_objects
from netserve.pictures import PictureError, open_picture


@dataclass(frozen=True)
class Recipe:
    """How a data set's pictures were made.

    Attributes:
        size: height and width of a picture, in pixels.
        channels: 1 or 3.
        box: pixels that the longer side of what is drawn has, light on black, or None: the whole
            picture is the object, which is scaled, centred and padded with black.
        centre: what lies in the middle: `mass`, the centre of mass, or `box`.
    """

    size: tuple[int, int]
    channels: int = 1
    box: int | None = None
    centre: str = "mass"


def prepare(content, recipe):
    """Prepare all objects of a picture.

    For MNIST (20 of 28 pixels, by centre of mass) that is what its makers did: "size normalized to
    fit in a 20x20 pixel box while preserving their aspect ratio", grey by "the antialiasing
    technique used by the normalization algorithm", and centred in 28 × 28 "by computing the center
    of mass of the pixels, and translating the image so as to position this point at the center".

    Args:
        content: bytes of a picture, see `open_picture`.
        recipe: Recipe.

    Returns:
        uint8 (n, height, width, channels), in the order of reading.

    Raises:
        PictureError: it is no picture, or nothing is drawn in it.

    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document
        recognition. Proceedings of the IEEE 86(11), 1998, section III.A
    """
    pixels = open_picture(content)
    if recipe.box is None:
        return fit(pixels, recipe)[None]
    ink = find_ink(pixels)
    found = find_objects(ink.mask) if ink else []
    if not found:
        raise PictureError("expected something drawn, received a blank picture")
    return np.stack([place(ink.strength, mask, recipe) for mask in found])


def place(strength, mask, recipe):
    """Cut an object out, scale it into the box and put it in the middle.

    Args:
        strength: float32 (height, width), 0 to 1.
        mask: bool (height, width), where the object is.
        recipe: Recipe.

    Returns:
        uint8 (height, width, channels): its strongest pixel is 255.
    """
    from scipy.ndimage import binary_dilation

    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    own = strength[box] * binary_dilation(mask[box], iterations=1 + max(mask[box].shape) // 50)
    scale = recipe.box / max(own.shape)
    height, width = (max(1, round(side * scale)) for side in own.shape)
    drawn = np.clip(_scale(own, height, width), 0, None)
    target = np.zeros((3 * recipe.size[0], 3 * recipe.size[1]), np.float32)
    target[:height, :width] = drawn
    shift = [
        recipe.size[axis] + recipe.size[axis] // 2 - _middle(drawn, axis, recipe.centre)
        for axis in (0, 1)
    ]
    target = np.roll(target, shift, axis=(0, 1))
    target = target[recipe.size[0] : 2 * recipe.size[0], recipe.size[1] : 2 * recipe.size[1]]
    target = np.rint(255 * target / max(float(target.max()), 1e-9)).astype(np.uint8)
    return np.repeat(target[..., None], recipe.channels, axis=2)


def fit(pixels, recipe):
    """Scale a whole picture with its aspect kept (bicubic), centre it and pad it with black.

    Args:
        pixels: float32 (height, width, 3).
        recipe: Recipe.

    Returns:
        uint8 (height, width, channels).
    """
    from PIL import Image, ImageOps

    image = Image.fromarray(np.rint(pixels).astype(np.uint8))
    image = ImageOps.pad(image.convert("L") if recipe.channels == 1 else image, recipe.size[::-1])
    return np.asarray(image).reshape(*recipe.size, recipe.channels)


def _scale(values, height, width):
    """Scale by the mean of areas; linearly where it becomes larger."""
    from PIL import Image

    smaller = height <= values.shape[0]
    how = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), how))


def _middle(drawn, axis, centre):
    """The pixel that comes to lie at half the size: in MNIST's images, the mean is there, too."""
    if centre == "box":
        return drawn.shape[axis] // 2
    profile = drawn.sum(axis=1 - axis)
    return round(float(profile @ np.arange(len(profile)) / max(float(profile.sum()), 1e-9)))
