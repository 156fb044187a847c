"""What a convolution has learnt and what it sees."""

import numpy as np

COLUMNS = 5


def draw_filters(axis, kernels):
    """The filters of a first convolution: of grey images as weights, of colour images in colour.

    Args:
        axis: to draw on.
        kernels: float32 (height, width, filters) or (height, width, 3, filters).
    """
    bound = float(np.abs(kernels).max())
    axis.set_title(f"The {kernels.shape[-1]} filters of the first convolution")
    if kernels.ndim == 4:
        axis.imshow(_tile(0.5 + kernels / (2 * bound)), interpolation="nearest")
        axis.axis("off")
        return
    shown = axis.imshow(
        _tile(kernels), cmap="RdBu_r", vmin=-bound, vmax=bound, interpolation="nearest"
    )
    _finish(axis, shown, "weight")


def draw_maps(axis, maps, label):
    """What each filter answers to one image, after the activation.

    Args:
        axis: to draw on.
        maps: float32 (height, width, filters).
        label: the image's class.
    """
    axis.set_title(f"Where each filter answers: label {label}")
    shown = axis.imshow(_tile(maps), cmap="viridis", interpolation="nearest")
    _finish(axis, shown, "activation")


def _tile(planes):
    """Lay planes out in a grid, with empty lines between them: (height, width, ..., planes)."""
    height, width, *colours, number = planes.shape
    rows = -(-number // COLUMNS)
    gap = max(1, height // 12)
    sides = rows * (height + gap) - gap, COLUMNS * (width + gap) - gap
    tiled = np.full((*sides, *colours), 1.0 if colours else np.nan)
    for plane in range(number):
        top, left = (plane // COLUMNS) * (height + gap), (plane % COLUMNS) * (width + gap)
        tiled[top : top + height, left : left + width] = planes[..., plane]
    return tiled


def _finish(axis, shown, label):
    axis.axis("off")
    axis.figure.colorbar(shown, label=label, shrink=0.8)
