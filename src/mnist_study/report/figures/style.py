"""One style for all figures, and the same bytes each time one is saved."""

import io
import re
from functools import partial
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from mnist_study.study import NETS
from studykit.files import atomic_write
from studykit.kept import kept

plt.style.use(["default", Path(__file__).with_name("study.mplstyle")])  # not the user's settings

# Colour, shades and marker of a net come from its place in the study's list.
COLOURS = {net: f"C{place}" for place, net in enumerate(NETS)}
SHADES = dict(zip(NETS, ("Blues", "Oranges", "Greens", "Purples", "Greys"), strict=False))
MARKERS = dict(zip(NETS, "os^Dv", strict=False))
PAGE_COLOURS = {  # what a figure's colours become on a page, which defines them light and dark
    "#000000": "currentColor",
    "#d9d9d9": "var(--grid)",
    "#0072b2": "var(--blue)",
    "#d55e00": "var(--vermillion)",
    "#737373": "var(--grey)",
}
INK = "#111111"  # black that stays black on a dark page
PANEL = (4.5, 3.6)  # inches
STUDY = Path(__file__).parents[2]
DRAWN_WITH = ("matplotlib", "numpy", "pandas", "pillow", "scipy")


def compose(*panels, size=PANEL, columns=2):
    """A figure of panels, row by row.

    Args:
        panels: functions that draw on an axis.
        size: width and height of each, in inches.
        columns: panels in a row, at most.
    """
    columns = min(columns, len(panels))
    rows = len(panels) // columns
    figure, axes = plt.subplots(
        rows, columns, figsize=(size[0] * columns, size[1] * rows), squeeze=False
    )
    for panel, axis in zip(panels, axes.flat, strict=True):
        panel(axis)
    return figure


def save(path, draw):
    """Write a figure as PNG, without the version that matplotlib would put into it.

    Args:
        draw: functools.partial that returns the figure, as `kept` takes it.
    """
    with atomic_write(path) as beside:
        beside.write_bytes(_kept(_to_png, draw))


def to_svg(draw, name):
    """Draw a figure as SVG to be put into a page.

    Size and colours are left to the page, so that a dark one can change them.

    Args:
        draw: functools.partial that returns the figure, as `kept` takes it.
        name: put before each id, so that the ids of several figures differ.

    Returns:
        str, an svg element.
    """
    return _kept(_to_svg, draw, name).decode()


def _kept(draw, *what):
    return kept(partial(draw, *what), code=STUDY, libraries=DRAWN_WITH)


def _to_png(draw):
    figure, drawn = draw(), io.BytesIO()
    figure.savefig(drawn, metadata={"Software": None})
    plt.close(figure)
    return drawn.getvalue()


def _to_svg(draw, name):
    figure = draw()
    drawn = io.StringIO()
    without = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(drawn, format="svg", transparent=True, metadata=without)
    plt.close(figure)
    svg = drawn.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    for colour, follows in PAGE_COLOURS.items():
        svg = svg.replace(colour, follows)
    return svg.encode()
