"""Confusion matrices."""

import numpy as np

from mnist_study.figures.style import INK, NETS

CMAPS = {"dense": "Blues", "cnn": "Oranges"}


def draw_confusion(axis, counts, net, *, diagonal=True):
    """Test digits by label and prediction, as counts.

    Args:
        axis: to draw on.
        counts: int (10, 10), rows by label, columns by prediction.
        net: "dense" or "cnn".
        diagonal: False leaves out what is right, so that the errors show.
    """
    errors = counts * (1 - np.eye(len(counts), dtype=int))
    shown = counts if diagonal else errors
    axis.grid(visible=False)
    image = axis.imshow(shown, cmap=CMAPS[net], vmin=0, interpolation="nearest")
    for (label, prediction), count in np.ndenumerate(shown):
        if count:
            dark = count > 0.6 * shown.max()
            colour = "white" if dark else INK
            axis.text(prediction, label, count, color=colour, fontsize=8, ha="center", va="center")
    digits = range(len(counts))
    axis.set(
        title=f"{_title(net)}: {_finding(counts, errors, diagonal=diagonal)}",
        xlabel="prediction",
        ylabel="label",
        xticks=digits,
        yticks=digits,
    )
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.figure.colorbar(image, label="test images", shrink=0.8)


def _title(net):
    return NETS[net][0].upper() + NETS[net][1:]


def _finding(counts, errors, *, diagonal):
    if diagonal or not errors.any():
        return f"{errors.sum():,} of {counts.sum():,} digits are misread"
    label, prediction = np.unravel_index(errors.argmax(), errors.shape)
    return f"{label} read as {prediction} is its commonest error"
