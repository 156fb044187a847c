"""Confusion matrices without their diagonals."""

import numpy as np

from mnist_study.report.figures.style import INK, MANY, SHADES, place_of, turn_long_names
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
    for label, prediction in () if many else np.argwhere(errors):
        count = errors[label, prediction]
        colour = "white" if count > 0.6 * errors.max() else INK
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
    most = errors.max()
    if not most:
        return f"0 of {counts.sum():,} are wrong"
    commonest = [f"{classes[a]} is taken for {classes[b]}" for a, b in np.argwhere(errors == most)]
    if len(commonest) > 2:
        return f"no error is made more than {'once' if most == 1 else f'{most} times'}"
    return f"most often {' and '.join(commonest)}"
