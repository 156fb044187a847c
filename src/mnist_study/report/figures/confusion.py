"""Confusion matrices without their diagonals."""

import numpy as np

from mnist_study.report.figures.accuracy import turn_long_names
from mnist_study.report.figures.style import INK, MANY, SHADES, place_of
from mnist_study.study import NETS


def draw_errors(axis, counts, net, classes):
    """Test images that a net gets wrong, by label and prediction; what is right is left out.

    Up to twenty classes the counts are written; of more there is a scale.

    Args:
        axis: to draw on.
        counts: int (classes, classes), rows by label, columns by prediction.
        net: its name.
        classes: their names, by label.
    """
    many = len(classes) > MANY
    errors = counts * (1 - np.eye(len(counts), dtype=int))
    axis.grid(visible=False)
    shades = SHADES[place_of(net) % len(SHADES)]
    shown = axis.imshow(errors, cmap=shades, vmin=0, interpolation="nearest")
    for (label, prediction), count in () if many else np.ndenumerate(errors):
        if count:
            dark = count > 0.6 * errors.max()
            colour = "white" if dark else INK
            axis.text(prediction, label, count, color=colour, fontsize=8, ha="center", va="center")
    title = f"{NETS[net][0].upper()}{NETS[net][1:]}: {_finding(counts, errors, classes)}"
    axis.set(title=title, xlabel="prediction", ylabel="label")
    for direction in (axis.xaxis, axis.yaxis):
        direction.set_ticks(range(len(classes)), classes, fontsize=7 if many else None)
    turn_long_names(axis, classes)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    if many:
        axis.figure.colorbar(shown, label="test images", shrink=0.5)


def _finding(counts, errors, classes):
    if not errors.any():
        return f"0 of {counts.sum():,} are wrong"
    commonest = [
        f"{classes[label]} is taken for {classes[prediction]}"
        for label, prediction in np.argwhere(errors == errors.max())
    ]
    if len(commonest) > 2:
        return f"no error is made more than {_times(errors.max())}"
    return f"most often {' and '.join(commonest)}"


def _times(count):
    return "once" if count == 1 else f"{count} times"
