"""Confusion matrices without their diagonals."""

import numpy as np

from mnist_study.report.figures.style import INK, SHADES
from mnist_study.study import NETS


def draw_errors(axis, counts, net):
    """Misread test images by label and prediction, as counts; what is right is left out.

    Args:
        axis: to draw on.
        counts: int (10, 10), rows by label, columns by prediction.
        net: its name.
    """
    errors = counts * (1 - np.eye(len(counts), dtype=int))
    axis.grid(visible=False)
    axis.imshow(errors, cmap=SHADES[net], vmin=0, interpolation="nearest")
    for (label, prediction), count in np.ndenumerate(errors):
        if count:
            dark = count > 0.6 * errors.max()
            colour = "white" if dark else INK
            axis.text(prediction, label, count, color=colour, fontsize=8, ha="center", va="center")
    digits = range(len(counts))
    axis.set(
        title=f"{NETS[net][0].upper()}{NETS[net][1:]}: {_finding(counts, errors)}",
        xlabel="prediction",
        ylabel="label",
        xticks=digits,
        yticks=digits,
    )
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)


def _finding(counts, errors):
    if not errors.any():
        return f"0 of {counts.sum():,} digits are misread"
    commonest = [
        f"{label} as {prediction}" for label, prediction in np.argwhere(errors == errors.max())
    ]
    if len(commonest) > 2:
        return f"no error is made more than {_times(errors.max())}"
    return f"most often misread is {' and '.join(commonest)}"


def _times(count):
    return "once" if count == 1 else f"{count} times"
