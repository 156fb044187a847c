"""What networks are made of."""

import math

from matplotlib.patches import Rectangle

from mnist_study.report.figures.style import look
from mnist_study.study import NETS

GAP = 1.6  # between boxes
PLANE, VECTOR = 7, 14  # heights of the image, and of a vector of as many numbers


def draw_network(axis, layers, net, image_shape):
    """The layers that change a shape or hold parameters, from the image to the probabilities.

    A plane's side is drawn to scale; the width of a box grows with the number of channels, the
    height of a vector with the root of its length.

    Args:
        layers: pandas.DataFrame of the net's layers, as anatomy.describe_layers returns it.
        net: its name.
        image_shape: height, width and channels of the image.
    """
    x, tallest = 0.0, 0.0
    for kind, shape in stations(layers, image_shape):
        *plane, channels = shape
        root = math.sqrt(channels / math.prod(image_shape))
        height = PLANE * plane[0] / image_shape[0] if plane else VECTOR * root
        width = 0.15 + math.log2(channels) / 6 if plane else 0.25
        colour, middle = look(net)["color"], x + width / 2
        axis.add_patch(Rectangle((x, -height / 2), width, height, facecolor=colour, alpha=0.55))
        axis.text(middle, height / 2 + 0.2, kind, ha="left", va="bottom", rotation=35, fontsize=9)
        sides = "×\n".join(map(str, shape))
        axis.text(middle, -height / 2 - 0.2, sides, ha="center", va="top", fontsize=8)
        x += width + GAP
        tallest = max(tallest, height)
    axis.set(xlim=(-0.8, x), ylim=(-tallest / 2 - 2.4, tallest / 2 + 2.8))
    axis.set_title(f"The {NETS[net]}, {layers['parameters'].sum():,} parameters")
    axis.axis("off")


def stations(layers, image_shape):
    """Kind and output shape of the image, and of each layer whose output is new or has parameters.

    So neither scaling nor dropout is among them. Takes what draw_network takes.
    """
    before = list(image_shape)
    yield "image", before
    for layer in layers.itertuples():
        shape = [int(side) for side in layer.output.split("×")]
        if shape != before or layer.parameters:
            yield layer.kind.removesuffix("2D").replace("Pooling", "Pool"), shape
        before = shape
