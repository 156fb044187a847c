"""Pictures of images."""

import math

import numpy as np

from mnist_study.report.figures.style import labels, plt
from mnist_study.study import NETS

# Inches: of an image's longer side; around an image with its prediction; of a letter; of a grid.
IMAGE, ABOVE, BELOW, SIDE, LETTER, WIDTH, TITLE = 28 / 30, 8 / 30, 9 / 30, 2 / 30, 0.09, 8.6, 0.4
DPI = plt.rcParams["figure.dpi"]


def _show(axis, image):
    """Draw grey black on white, and colours as they are: uint8 (height, width, 1 or 3)."""
    axis.grid(visible=False)
    return axis.imshow(image if image.shape[-1] == 3 else image[..., 0], vmin=0, vmax=255)


def _blank(images):
    """The value of white: uint8 (..., 1 or 3)."""
    return 255 if images.shape[-1] == 3 else 0


def _lay_out(cells):
    """Rows of cells as one image: (rows, columns, height, width, channels)."""
    rows, columns, height, width, channels = cells.shape
    return cells.swapaxes(1, 2).reshape(rows * height, columns * width, channels)


def choose(results, params):
    """Which test images the grids show.

    Args:
        results: Findings.
        params: the section report, which says how many at most: errors of the best net; of each net
            its confident_errors, and, of several nets, disagreements, which it alone gets right.

    Returns:
        dict: figure to list of title, net whose prediction is shown, and indices.
    """
    best, noun = results.ranked[0], results.data["noun"]
    wrong, sampled = results.wrong(best), results.sampled
    shown, right = wrong[: params.errors], len(set(sampled) - set(wrong.tolist()))
    of_best = f"{len(shown)} of the {len(wrong)} test {noun}s that the {NETS[best]} gets wrong"
    grids = {
        "samples": [
            (f"The {NETS[best]} gets {right} of {len(sampled)} test {noun}s right", best, sampled)
        ],
        "errors": [(of_best, best, shown)],
        "confident_errors": [
            (f"The {NETS[net]} is surest of these errors", net,
             results.most_confident_errors(net)[: params.confident_errors])
            for net in NETS if len(results.wrong(net))
        ],
        "disagreements": [
            (f"Only the {NETS[net]} gets these right; shown is what the {NETS[other]} says", other,
             results.only_right(net)[: params.disagreements])
            for net in reversed(NETS) for other in [n for n in results.ranked if n != net][:1]
            if len(results.only_right(net))
        ],
    }  # fmt: skip
    return {name: groups for name, groups in grids.items() if groups}


def collect(results, groups):
    """What draw_predictions needs of the grids that choose chose."""
    names = np.array(labels(results.classes), object)
    for title, net, indices in groups:
        images = np.array([results.images[i] for i in indices], np.uint8)
        table = results.predictions[net].loc[indices]
        named = table.assign(**{key: names[table[key]] for key in ("label", "prediction")})
        yield title, images.reshape(-1, *results.image_shape), named


def draw_predictions(*groups):
    """Grids of test images: the prediction on top of each, the label below.

    Args:
        groups: title, images uint8 (n, height, width, channels), and a pandas.DataFrame of n rows
            with label and prediction (names of classes) and confidence, of each grid.
    """
    scale, margins = _measure(groups)
    height, width = (
        sum(sides) + each for sides, each in zip(margins, groups[0][1].shape[1:3], strict=True)
    )
    columns = max(1, int(WIDTH * DPI / scale / width))
    rows = [max(1, -(-len(images) // columns)) for _, images, _ in groups]
    heights = [number * height * scale / DPI for number in rows]
    total = sum(heights) + TITLE * len(groups)
    # Laid out here, so that a pixel of an image is a whole number of the figure's.
    figure = plt.figure(figsize=(columns * width * scale / DPI, total), layout="none")
    bottoms = total - np.cumsum([TITLE + each for each in heights])
    for bottom, each, number, group in zip(bottoms, heights, rows, groups, strict=True):
        axis = figure.add_axes((0, bottom / total, 1, each / total))
        _draw_grid(axis, (number, columns), margins, *group)
    return figure


def _measure(groups):
    """Pixels of a figure per pixel of an image; pixels of an image above, below and beside it."""
    height, width = groups[0][1].shape[1:3]
    scale = IMAGE * DPI / max(height, width)
    scale = round(scale) if scale > 1 else scale
    names = [name for *_, table in groups for name in (*table["prediction"], *table["label"])]
    text = LETTER * (8 + max((len(str(name)) for name in names), default=0))
    beside = max(SIDE, (text - width * scale / DPI) / 2)
    above, below, side = (math.ceil(inches * DPI / scale) for inches in (ABOVE, BELOW, beside))
    return scale, ((above, below), (side, side))


def _draw_grid(axis, places, margins, title, images, table):
    """One drawing of all images: an axis for each would take ten times as long."""
    padded = np.pad(images, ((0, 0), *margins, (0, 0)), constant_values=_blank(images))
    grid = np.full((*places, *padded.shape[1:]), _blank(images), np.uint8)
    (above, _), _ = margins
    for place, image, row in zip(np.ndindex(places), padded, table.itertuples(), strict=False):
        grid[place] = image
        top, left = np.multiply(place, image.shape[:2])
        style = {"ha": "center", "fontsize": 9}
        bold = {"color": "C1", "weight": "bold"} if row.prediction != row.label else {}
        middle, below = left + image.shape[1] / 2, top + above + images.shape[1]
        prediction = f"{row.prediction}  ({percent(row.confidence)})"
        axis.text(middle, top + above * 0.75, prediction, **style, **bold)
        axis.text(middle, below + above / 8, f"label {row.label}", va="top", **style)
    _show(axis, _lay_out(grid))
    axis.set(frame_on=False, xticks=[], yticks=[])
    axis.set_title(title, x=0.01)


def percent(confidence):
    """A confidence as a whole percent; none is rounded up to certainty."""
    return f"{confidence:.0%}" if confidence < 0.995 else ">99%"
