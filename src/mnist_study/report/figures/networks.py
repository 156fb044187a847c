"""What networks are made of."""

import math

from matplotlib.patches import Rectangle

from mnist_study.report.figures.style import look
from mnist_study.study import NETS

# In one unit: the longer side of an image, a vector's thickness, a row of text, between two rows,
# between the planes of two channels; where text begins; and the width of a drawing.
SIDE, THIN, TEXT, GAP, STEP, LEFT, WIDTH = 20, 2.5, 5, 2, 0.45, 36, 110


def draw_network(axis, layers, net, image, height):
    """The layers that change a shape or hold parameters, from an image down to the probabilities.

    All is to one scale, the same for every net: a plane's sides are in pixels, its channels lie
    behind it (one more each time that their number doubles), and a vector is as long as the side
    of a square of as many pixels.

    Args:
        layers: pandas.DataFrame of the net's layers, as anatomy.describe_layers returns it.
        net: its name.
        image: uint8 (height, width, channels), what the net sees.
        height: of the drawing, the tallest of what measure returned.
    """
    top = 0.0
    for kind, shape, parameters in stations(layers, image.shape):
        behind, (tall, wide) = _size(shape, image.shape)
        middle, plates = top - tall / 2 - STEP * behind / 2, range(behind, -1, -1)
        colour = {"facecolor": look(net)["color"], "edgecolor": "white", "linewidth": 0.4}
        for plate in plates if kind != "image" else ():
            corner = STEP * plate, top - tall - STEP * (behind - plate)
            axis.add_patch(Rectangle(corner, wide, tall, **colour))
        if kind == "image":
            shown = image if image.shape[-1] == 3 else image[..., 0]
            axis.imshow(shown, extent=(0, wide, top - tall, top), vmin=0, vmax=255)
        sides = "×".join(map(str, shape))
        text = f"{kind} {sides}" + f": {parameters:,} parameters" * bool(parameters)
        axis.text(LEFT, middle, text, va="center", fontsize=9)
        top -= _row(shape, image.shape)
    axis.set(xlim=(-1, WIDTH), ylim=(-height, 1), aspect="equal", anchor="NW")
    axis.set_title(f"The {NETS[net]}: {layers['parameters'].sum():,} parameters")
    axis.axis("off")


def measure(layers, image_shape):
    """How tall the drawing of a net is."""
    return sum(_row(shape, image_shape) for _, shape, _ in stations(layers, image_shape))


def _row(shape, image_shape):
    behind, (tall, _) = _size(shape, image_shape)
    return max(TEXT, tall + STEP * behind) + GAP


def _size(shape, image_shape):
    """How many planes lie behind the first one, and its height and width."""
    *plane, channels = shape
    scale = SIDE / max(image_shape[:2])
    if not plane:
        return 0, (THIN, scale * math.sqrt(channels))
    return round(math.log2(channels)), tuple(scale * side for side in plane)


def stations(layers, image_shape):
    """Of the image, and of each layer whose output is new or has parameters: kind, output shape
    and parameters.

    So neither scaling nor dropout is among them. Takes what draw_network takes.
    """
    before = list(image_shape)
    yield "image", before, 0
    for layer in layers.itertuples():
        shape = [int(side) for side in layer.output.split("×")]
        if shape != before or layer.parameters:
            kind = layer.kind.removesuffix("2D").replace("Pooling", "Pool")
            yield kind, shape, layer.parameters
        before = shape
