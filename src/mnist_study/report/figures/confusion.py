"""Confusion matrices."""

import numpy as np

from mnist_study.report.figures.style import INK, SHADES
from mnist_study.study import NETS


def draw_confusion(axis, counts, net, *, diagonal=True):
    """Test images by label and prediction, as counts.

    Args:
        axis: to draw on.
        counts: int (10, 10), rows by label, columns by prediction.
        net: its name.
        diagonal: False leaves out what is right, so that the errors show.
    """
    errors = counts * (1 - np.eye(len(counts), dtype=int))
    shown = counts if diagonal else errors
    axis.grid(visible=False)
    axis.imshow(shown, cmap=SHADES[net], vmin=0, interpolation="nearest")
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


def _title(net):
    return NETS[net][0].upper() + NETS[net][1:]


def _finding(counts, errors, *, diagonal):
    if diagonal or not errors.any():
        return f"{errors.sum():,} of {counts.sum():,} digits are misread"
    commonest = [
        f"{label} as {prediction}" for label, prediction in np.argwhere(errors == errors.max())
    ]
    if len(commonest) > 2:
        return f"no error is made more than {_times(errors.max())}"
    return f"most often misread is {' and '.join(commonest)}"


def _times(count):
    return "once" if count == 1 else f"{count} times"
