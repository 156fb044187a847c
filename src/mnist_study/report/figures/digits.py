"""Pictures of digits."""

from itertools import permutations

import numpy as np

from mnist_study.data.mnist import IMAGE_SIZE, NUM_CLASSES
from mnist_study.report.figures.style import plt
from mnist_study.study import NETS

GAP = 4  # pixels between example digits
# Around a digit with its prediction, in pixels of the digit.
ABOVE, BELOW, SIDE = 8, 9, 2
CELL = (ABOVE + IMAGE_SIZE + BELOW, SIDE + IMAGE_SIZE + SIDE)
PIXELS_PER_INCH = 30
TITLE = 0.4  # inches


def draw_digits(first):
    """A grid of training images: a row per digit.

    Args:
        first: uint8 (10, n, 28, 28), the first images of each digit.
    """
    cell = IMAGE_SIZE + GAP
    per_digit = first.shape[1]
    grid = np.zeros((NUM_CLASSES, per_digit, cell, cell), np.uint8)
    grid[..., :IMAGE_SIZE, :IMAGE_SIZE] = first
    figure, axis = plt.subplots(figsize=(6, 6.3))
    axis.imshow(grid.swapaxes(1, 2).reshape(NUM_CLASSES * cell, -1), vmin=0, vmax=255)
    axis.grid(visible=False)
    axis.set(frame_on=False, xticks=[], yticks=cell * np.arange(NUM_CLASSES) + IMAGE_SIZE / 2)
    axis.set_yticklabels([str(digit) for digit in range(NUM_CLASSES)])
    axis.tick_params(length=0)
    axis.set_title(f"Training images: the first {per_digit} of each digit")
    return figure


def draw_digit(axis, image, label):
    """One digit, with its intensity scale."""
    axis.grid(visible=False)
    shown = axis.imshow(image, vmin=0, vmax=255)
    axis.set(title=f"A handwritten {label}: 28 × 28 pixels", xlabel="column", ylabel="row")
    axis.figure.colorbar(shown, label="intensity, 0–255")


def choose(results, params):
    """Which test digits the grids show.

    Args:
        results: Findings.
        params: the section report, which says how many at most: errors of the best net; of each net
            its confident_errors, and disagreements, digits that it alone gets right.

    Returns:
        dict: figure to list of title, net whose prediction is shown, and indices.
    """
    best = results.best
    wrong = results.wrong(best)
    shown = wrong[: params.errors]
    right = len(set(results.sampled) - set(wrong.tolist()))
    return {
        "samples": [
            (f"The {NETS[best]} reads {right} of {len(results.sampled)} test digits right", best,
             results.sampled)
        ],
        "errors": [
            (f"{len(shown)} of the {len(wrong)} test digits that the {NETS[best]} misreads", best,
             shown)
        ],
        "confident_errors": [
            (f"The {NETS[net]} is surest of these errors", net,
             results.most_confident_errors(net)[: params.confident_errors])
            for net in NETS
        ],
        "disagreements": [
            (f"Only the {NETS[net]} reads these right; shown is what the {NETS[other]} says", other,
             results.only_right(net)[: params.disagreements])
            for net, other in reversed(list(permutations(NETS, 2)))
        ],
    }  # fmt: skip


def collect(results, groups):
    """What draw_predictions needs of the grids that choose chose."""
    return [
        (title, [results.images[i] for i in indices], results.predictions[net].loc[indices])
        for title, net, indices in groups
    ]


def draw_predictions(*groups, columns=8):
    """Grids of test digits: the prediction on top of each, the label below.

    Args:
        groups: title, images uint8 (n, 28, 28), and a pandas.DataFrame of n rows with label,
            prediction and confidence, of each grid.
        columns: digits in a row.
    """
    rows = [max(1, -(-len(images) // columns)) for _, images, _ in groups]
    width = columns * CELL[1] / PIXELS_PER_INCH
    heights = [number * CELL[0] / PIXELS_PER_INCH for number in rows]
    height = sum(heights) + TITLE * len(groups)
    # Laid out here, so that a pixel of a digit is a whole number of the figure's.
    figure = plt.figure(figsize=(width, height), layout="none")
    bottoms = height - np.cumsum([TITLE + each for each in heights])
    for bottom, each, number, group in zip(bottoms, heights, rows, groups, strict=True):
        axis = figure.add_axes((0, bottom / height, 1, each / height))
        _draw_grid(axis, (number, columns), *group)
    return figure


def _draw_grid(axis, places, title, images, table):
    """One drawing of all digits: an axis for each would take ten times as long."""
    grid = np.zeros((*places, *CELL), np.uint8)
    below = ABOVE + IMAGE_SIZE
    for place, image, row in zip(np.ndindex(places), images, table.itertuples(), strict=False):
        grid[place][ABOVE:below, SIDE : SIDE + IMAGE_SIZE] = image
        top, left = np.multiply(place, CELL)
        wrong = row.prediction != row.label
        for y, text, style in (
            (
                top + ABOVE - 2,
                f"{row.prediction}  ({percent(row.confidence)})",
                {"color": "C1", "weight": "bold"} if wrong else {},
            ),
            (top + below + 1, f"label {row.label}", {"va": "top"}),
        ):
            axis.text(left + CELL[1] / 2, y, text, ha="center", fontsize=9, **style)
    axis.imshow(grid.swapaxes(1, 2).reshape(np.multiply(places, CELL)), vmin=0, vmax=255)
    axis.grid(visible=False)
    axis.set(frame_on=False, xticks=[], yticks=[])
    axis.set_title(title, x=0.01)


def percent(confidence):
    """A confidence as a whole percent; none is rounded up to certainty."""
    return f"{confidence:.0%}" if confidence < 0.995 else ">99%"
