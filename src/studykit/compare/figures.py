"""Figures of a change: curves, confusion and digits, before and after.

On an opaque white ground, so that a page's dark theme leaves them as readable as a light one.
"""

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnist_study.data.mnist import NUM_CLASSES
from mnist_study.report.figures.style import plt


def draw_curve_change(before, after, labels, net):
    """Validation accuracy and loss by epoch of two trainings.

    Args:
        before, after: pandas.DataFrame with epoch, val/accuracy and val/loss.
        labels: what to call the two.
        net: the network's name.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    for axis, metric in zip(axes, ("accuracy", "loss"), strict=True):
        for history, label, style in zip((before, after), labels, ("--", "-"), strict=True):
            axis.plot(history["epoch"], history[f"val/{metric}"], style, label=label, marker=".")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set(xlabel="epoch")
        axis.legend()
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes[0].set(title=f"{net}: validation accuracy", ylabel="accuracy")
    axes[1].set(title=f"{net}: validation loss", ylabel="cross-entropy, nats")
    return figure


def draw_confusion_change(before, after, labels, net):
    """What each digit is taken for: before, after, and the difference.

    Args:
        before, after: int (10, 10), images by label and prediction.
        labels: what to call the two.
        net: the network's name.
    """
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.8))
    errors = [np.where(np.eye(NUM_CLASSES, dtype=bool), 0, counts) for counts in (before, after)]
    most = max(1, *(counts.max() for counts in errors))
    shift = errors[1] - errors[0]
    furthest = max(1, np.abs(shift).max())
    panels = [
        (errors[0], before, labels[0], {"vmin": 0, "vmax": most}, "{}"),
        (errors[1], after, labels[1], {"vmin": 0, "vmax": most}, "{}"),
        (shift, shift, "errors: after − before",
         {"cmap": "PuOr_r", "vmin": -furthest, "vmax": furthest}, "{:+}"),
    ]  # fmt: skip
    for axis, (shades, counts, title, colours, text) in zip(axes, panels, strict=True):
        axis.grid(visible=False)
        axis.imshow(shades, **colours)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                share = abs(shades[row, column]) / colours["vmax"]
                colour = "white" if share > 0.6 else "black"
                axis.text(
                    column, row, text.format(count), ha="center", va="center", size=7, color=colour
                )
        digits = range(NUM_CLASSES)
        axis.set(title=title, xlabel="prediction", ylabel="label", xticks=digits, yticks=digits)
    figure.suptitle(f"{net}: test digits by label and prediction", x=0.01, ha="left")
    return figure


def draw_flips(images, captions, title, columns=6):
    """A grid of test digits, a caption under each.

    Args:
        images: list of uint8 (28, 28).
        captions: list of str, as many.
        title: what the grid shows.
        columns: digits in a row.
    """
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(columns * 1.25, rows * 1.45 + 0.4),
        squeeze=False,
        subplot_kw={"frame_on": False, "xticks": [], "yticks": []},
    )
    for axis in axes.flat:
        axis.grid(visible=False)
    for axis, image, caption in zip(axes.flat, images, captions, strict=False):
        axis.imshow(image, vmin=0, vmax=255)
        axis.set_xlabel(caption, fontsize=9)
    figure.suptitle(title, x=0.01, ha="left")
    return figure
