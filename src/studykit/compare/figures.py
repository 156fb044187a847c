"""Figures of a change: curves, confusions and examples, before and after.

On an opaque white ground, so that a page's dark theme leaves them as readable as a light one.
"""

import os

import numpy as np

from studykit.files import atomic_write

os.environ["MPLBACKEND"] = "agg"  # a notebook names its own, which matplotlib may not find
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

MOST_NUMBERED = 20  # classes of a confusion matrix whose cells still have room for numbers
# Whatever the user's own settings are.
STYLE = ("default", {"figure.dpi": 150, "figure.constrained_layout.use": True})


def save(path, draw, *words):
    """Draw a figure and write it as PNG, the same bytes each time.

    Args:
        path: of the file.
        draw: function that returns a matplotlib figure.
        words: its arguments.
    """
    with plt.style.context(list(STYLE)):
        figure = draw(*words)
        with atomic_write(path) as beside:
            figure.savefig(beside, metadata={"Software": None})
        plt.close(figure)


def draw_curve_change(before, after, labels, model, metrics):
    """Metrics by epoch of two trainings.

    Args:
        before, after: pandas.DataFrame with the column epoch, and those of the metrics.
        labels: what to call the two.
        model: its name.
        metrics: names of columns, a panel each.
    """
    figure, axes = plt.subplots(1, len(metrics), figsize=(4.5 * len(metrics), 3.4), squeeze=False)
    for axis, metric in zip(axes.flat, metrics, strict=True):
        for history, label, style in zip((before, after), labels, ("--", "-"), strict=True):
            axis.plot(history["epoch"], history[metric], style, label=label, marker=".")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set(xlabel="epoch", title=f"{model}: {metric}")
        axis.legend()
    return figure


def draw_confusion_change(classes, before, after, labels, model):
    """What each class is taken for: before, after, and the difference.

    Args:
        classes: their names.
        before, after: int (classes, classes), examples by label and prediction.
        labels: what to call the two.
        model: its name.
    """
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.8))
    errors = [np.where(np.eye(len(classes), dtype=bool), 0, counts) for counts in (before, after)]
    most = max(1, *(counts.max() for counts in errors))
    shift = errors[1] - errors[0]
    furthest = max(1, np.abs(shift).max())
    grey = {"cmap": "gray_r", "vmin": 0, "vmax": most}
    diverging = {"cmap": "PuOr_r", "vmin": -furthest, "vmax": furthest}
    panels = [
        (errors[0], before, labels[0], grey, "{}"),
        (errors[1], after, labels[1], grey, "{}"),
        (shift, shift, "errors: after − before", diverging, "{:+}"),
    ]
    for axis, (shades, counts, title, colours, text) in zip(axes, panels, strict=True):
        axis.imshow(shades, **colours)
        axis.set(title=title, xlabel="prediction", ylabel="label")
        if len(classes) <= MOST_NUMBERED:
            axis.set_xticks(range(len(classes)), classes)
            axis.set_yticks(range(len(classes)), classes)
            _number_cells(axis, counts, np.abs(shades) / colours["vmax"], text)
    figure.suptitle(f"{model}: test examples by label and prediction", x=0.01, ha="left")
    return figure


def draw_examples(images, captions, title, columns=6):
    """A grid of test examples, a caption under each.

    Args:
        images: list of uint8 (height, width).
        captions: list of str, as many.
        title: what the grid shows.
        columns: examples in a row.
    """
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(columns * 1.25, rows * 1.45 + 0.4),
        squeeze=False,
        subplot_kw={"frame_on": False, "xticks": [], "yticks": []},
    )
    for axis, image, caption in zip(axes.flat, images, captions, strict=False):
        axis.imshow(image, cmap="gray_r", vmin=0, vmax=255)
        axis.set_xlabel(caption, fontsize=9)
    figure.suptitle(title, x=0.01, ha="left")
    return figure


def _number_cells(axis, counts, shades, text):
    """Write each count other than 0 into its cell, white on a dark one."""
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shades[row, column] > 0.6 else "black"
            axis.text(
                column, row, text.format(count), ha="center", va="center", size=7, color=colour
            )
