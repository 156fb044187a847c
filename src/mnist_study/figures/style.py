"""One style for all figures, and the same bytes each time one is saved."""

import io
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from mnist_study.files import replacing

plt.style.use(Path(__file__).with_name("study.mplstyle"))

NETS = {"dense": "dense net", "cnn": "CNN"}  # as a sentence calls them
COLOURS = {"dense": "C0", "cnn": "C1"}
MARKERS = {"dense": "o", "cnn": "s"}
INK = "#111111"  # black that stays black on a dark page
PANEL = (4.5, 3.6)  # inches


def side_by_side(*panels, size=PANEL):
    """A figure of panels in a row.

    Args:
        panels: functions that draw on an axis.
        size: width and height of each, in inches.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(size[0] * len(panels), size[1]), squeeze=False
    )
    for panel, axis in zip(panels, axes.flat, strict=True):
        panel(axis)
    return figure


def save(path, figure):
    """Write a figure as PNG, without the version that matplotlib would put into it; close it."""
    with replacing(path) as beside:
        figure.savefig(beside, metadata={"Software": None})
    plt.close(figure)


def to_svg(figure, name):
    """Draw a figure as SVG to be put into a page; close it.

    What is black takes the page's text colour and the grid its `--grid`, so that a dark page can
    change both. The size is left to the page.

    Args:
        figure: matplotlib figure.
        name: put before each id, so that the ids of several figures differ.

    Returns:
        str, an svg element.
    """
    drawn = io.StringIO()
    without = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(drawn, format="svg", transparent=True, metadata=without)
    plt.close(figure)
    svg = drawn.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace("#000000", "currentColor").replace("#d9d9d9", "var(--grid)")
