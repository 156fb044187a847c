"""A picture of a summary: each metric with its interval, a line a run or a configuration."""

import io

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from studykit.runs.words import shorten

MOST = 60  # lines of a picture
LABEL = 44  # characters of a line's label
# Whatever the user's own settings are; texts are paths, so that every viewer shows the same.
STYLE = (
    "default",
    {"figure.constrained_layout.use": True, "svg.fonttype": "path", "svg.hashsalt": "runs"},
)


def draw(labels, panels):
    """Draw a panel a metric, with a line a label in each.

    Args:
        labels: of the lines, from the top.
        panels: title to a list of a point a label: (value, low, high, values of single runs), or
            None where there is none. A bound may be None, too.

    Returns:
        SVG as text, the same for the same content; on an opaque white ground.
    """
    with plt.style.context(list(STYLE)):
        labels = [shorten(label, LABEL) for label in labels[:MOST]]
        figure, axes = plt.subplots(
            1,
            len(panels),
            figsize=(2.6 + 2.8 * len(panels), 1.0 + 0.24 * len(labels)),
            sharey=True,
            squeeze=False,
        )
        for axis, (title, points) in zip(axes.flat, panels.items(), strict=True):
            _draw_panel(axis, title, points[:MOST])
        axes.flat[0].set_yticks(range(len(labels)), labels, fontsize=8)
        axes.flat[0].set_ylim(len(labels) - 0.5, -0.5)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    return file.getvalue()


def _draw_panel(axis, title, points):
    for row, point in enumerate(points):
        if point is None:
            continue
        value, low, high, singles = point
        if low is not None and high is not None:
            axis.plot([low, high], [row, row], color="#4477aa", linewidth=2, alpha=0.6)
        if len(singles) > 1:
            axis.plot(singles, np.full(len(singles), row), "|", color="#777777", markersize=7)
        axis.plot([value], [row], "o", color="#4477aa", markersize=4.5)
    axis.set_title(title, fontsize=9)
    axis.tick_params(axis="x", labelsize=8)
    axis.grid(axis="x", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)
    axis.xaxis.set_major_locator(plt.MaxNLocator(4))
