"""Images made harder to read: shifted, turned, noisy or blurred."""

import numpy as np
from scipy import ndimage

UNITS = {  # of the amounts of each kind; an amount of 0 leaves an image as it is
    "shift": "pixels",  # to one of the four sides
    "rotation": "degrees",  # either way
    "noise": "standard deviation, of intensities 0–255",
    "blur": "standard deviation, pixels",  # of a Gaussian
}


def disturb(x, kind, amount, rng):
    """Disturb images; the ground that comes in from outside is black.

    Args:
        x: uint8 (n, height, width, channels).
        kind: one of UNITS.
        amount: how much, in the unit of the kind.
        rng: numpy.random.Generator, of sides, directions and noise.

    Returns:
        uint8, of the same shape.
    """
    if kind == "noise":
        noisy = x + rng.normal(scale=amount, size=x.shape)
    elif kind == "blur":
        noisy = ndimage.gaussian_filter(x, (0, amount, amount, 0), output=float, mode="constant")
    else:
        noisy, way = np.empty(x.shape), rng.integers(4, size=len(x))
        for side, (axis, sign) in enumerate(((1, 1), (1, -1), (2, 1), (2, -1))):
            part = x[way == side].astype(float)
            if kind == "shift":
                moved = ndimage.shift(part, np.eye(4)[axis] * sign * amount, order=0)
            else:
                moved = ndimage.rotate(part, sign * amount, (1, 2), reshape=False, order=1)
            noisy[way == side] = moved
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
