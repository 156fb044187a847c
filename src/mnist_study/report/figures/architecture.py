"""Drawings of networks."""

import math

from matplotlib.patches import Rectangle

from mnist_study.report.figures.style import COLOURS
from mnist_study.study import NETS

GAP = 1.6  # between boxes


def draw_network(axis, layers, net):
    """The layers that change a shape, from the image to the probabilities.

    A plane's side is drawn to scale; the width of a box grows with the number of channels, the
    height of a vector with the root of its length.

    Args:
        axis: to draw on.
        layers: pandas.DataFrame of the net's layers, as anatomy.describe_layers returns it.
        net: its name.
    """
    x, tallest = 0.0, 0.0
    for kind, shape in _stations(layers):
        *plane, channels = shape
        height = plane[0] / 4 if plane else math.sqrt(channels) / 2
        width = 0.15 + math.log2(channels) / 6 if plane else 0.25
        axis.add_patch(
            Rectangle((x, -height / 2), width, height, facecolor=COLOURS[net], alpha=0.55)
        )
        middle = x + width / 2
        axis.text(middle, height / 2 + 0.2, kind, ha="left", va="bottom", rotation=35, fontsize=9)
        axis.text(middle, -height / 2 - 0.2, _times(shape), ha="center", va="top", fontsize=8)
        x += width + GAP
        tallest = max(tallest, height)
    axis.set(xlim=(-0.8, x), ylim=(-tallest / 2 - 2.4, tallest / 2 + 2.8))
    axis.set_title(f"The {NETS[net]}, {layers['parameters'].sum():,} parameters")
    axis.axis("off")


def _stations(layers):
    """Kind and output shape of each layer whose output is new; neither scaling nor dropout."""
    before = [28, 28, 1]
    yield "image", before
    for layer in layers.itertuples():
        shape = [int(side) for side in layer.output.split("×")]
        if layer.kind not in ("Rescaling", "Dropout"):
            yield layer.kind.removesuffix("2D").replace("Pooling", "Pool"), shape


def _times(shape):
    return "×\n".join(str(side) for side in shape)
