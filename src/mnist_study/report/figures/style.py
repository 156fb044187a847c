"""One style for all figures, and the same bytes each time one is saved."""

import io
import os
import re
import textwrap
from functools import partial
from pathlib import Path

os.environ["MPLBACKEND"] = "agg"  # a notebook names its own, which matplotlib may not find
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.font_manager import findfont, fontManager, get_font

from mnist_study.study import NETS
from studykit.files import atomic_write
from studykit.kept import kept

# The system's fonts of these names may number their glyphs otherwise, and SVG names them by that.
fontManager.ttflist = []
for font in sorted(Path(matplotlib.get_data_path(), "fonts", "ttf").glob("*.ttf")):
    fontManager.addfont(font)
plt.style.use(["default", Path(__file__).with_name("study.mplstyle")])  # not the user's settings

LONGEST = 20  # letters of a class's name in a figure
MARKERS = "osD^vPX"
PALETTE = plt.rcParams["axes.prop_cycle"].by_key()["color"]
PAGE_COLOURS = {  # what a figure's colours become on a page, which defines them light and dark
    "#000000": "currentColor",
    "#d9d9d9": "var(--grid)",
    "#737373": "var(--grey)",
    **{colour.lower(): f"var(--net-{place})" for place, colour in enumerate(PALETTE)},
}
PANEL = (4.5, 3.6)  # inches
LETTERS = 11.5  # of a title, an inch
STUDY = Path(__file__).parents[2]
DRAWN_WITH = ("matplotlib", "numpy", "pandas", "pillow", "scipy")
BELOW = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16)}  # a legend below its axis


def place_of(net):
    """A net's place in the study's list, from 0."""
    return list(NETS).index(net)


def look(net):
    """Colour and marker of a net, by its place."""
    place = place_of(net)
    return {"color": f"C{place}", "marker": MARKERS[place % len(MARKERS)]}


def legend_of_nets():
    """How a legend that names all nets stands below its axis: in as many columns as have room."""
    return BELOW | {"ncols": max(1, 53 // (max(map(len, NETS.values())) + 7))}


def of_each(values, otherwise):
    """What a title says of each net, as net to text; of more than three there is no room for it."""
    told = [f"{NETS[net]} {value}" for net, value in values.items()]
    return ", ".join(told) if len(told) <= 3 else otherwise


def labels(classes):
    """Names of classes as a figure can show them: short ones, in letters that its font has.

    Args:
        classes: list of str, by label; a name with a letter that the font lacks becomes its label.
    """
    known = set(get_font(findfont("DejaVu Sans")).get_charmap())
    shown = []
    for label, name in enumerate(classes):
        if not set(map(ord, name)) <= known:
            name = f"class {label}"
        elif len(name) > LONGEST:
            name = f"{name[: LONGEST - 1]}…"
        shown.append(name.replace("$", r"\$"))  # no formula
    return shown


def compose(*panels, size=PANEL, columns=2):
    """A figure of panels; a title that is wider than its panel goes on below.

    Args:
        panels: functions that draw on an axis.
        size: width and height of each, in inches.
        columns: panels in a row, at most.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(size[0] * columns, size[1] * rows), squeeze=False
    )
    for axis in axes.flat[len(panels) :]:
        axis.axis("off")
    for panel, axis in zip(panels, axes.flat, strict=False):
        panel(axis)
        names = [len(tick.get_text()) for tick in axis.get_yticklabels()]
        room = int(LETTERS * (size[0] - 0.6 - 0.07 * max(0, *names, 6) + 0.42))
        axis.set_title(textwrap.fill(axis.get_title(loc="left"), room))
    return figure


def save(path, draw):
    """Write a figure as PNG, without matplotlib's version in it; draw is what to_svg takes."""
    with atomic_write(path) as beside:
        beside.write_bytes(_kept(_to_png, draw))


def to_svg(draw, name):
    """Draw a figure as SVG to be put into a page.

    Size, colours and font are left to the page: text is text, in any font that is as narrow as
    matplotlib's own or narrower.

    Args:
        draw: functools.partial that returns the figure, as `kept` takes it.
        name: put before each id, so that the ids of several figures differ.

    Returns:
        str, an svg element.
    """
    return _kept(_to_svg, draw, name).decode()


def _kept(draw, *what):
    drawing = partial(draw, *what)
    return kept(drawing, drawing, code=STUDY, libraries=DRAWN_WITH)


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
    svg = re.sub(r";? font-family: [^;\"]*", "", svg)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    for colour, follows in PAGE_COLOURS.items():
        svg = svg.replace(colour, follows)
    return svg.encode()
