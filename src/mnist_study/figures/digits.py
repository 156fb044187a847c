"""Pictures of digits."""

import numpy as np

from mnist_study.figures.style import plt
from mnist_study.mnist import IMAGE_SIZE, NUM_CLASSES

BARE = {"frame_on": False, "xticks": [], "yticks": []}
CELL = (1.05, 1.5)  # inches
GAP = 4  # pixels between example digits


def draw_digits(split, per_digit=10):
    """A grid of example digits: a row per digit, the first images of each."""
    cell = IMAGE_SIZE + GAP
    grid = np.zeros((NUM_CLASSES, per_digit, cell, cell), np.uint8)
    for digit, row in enumerate(grid):
        images = split.x[np.flatnonzero(split.y == digit)[:per_digit]]
        row[: len(images), :IMAGE_SIZE, :IMAGE_SIZE] = images
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


def draw_predictions(*groups, columns=8):
    """Grids of test digits: the prediction on top of each, the label below.

    Args:
        groups: title, images uint8 (n, 28, 28), and a pandas.DataFrame of n rows with label,
            prediction and confidence, of each grid.
        columns: digits in a row.
    """
    rows = [max(1, -(-len(images) // columns)) for _, images, _ in groups]
    heights = [CELL[1] * number + 0.4 for number in rows]
    figure = plt.figure(figsize=(CELL[0] * columns, sum(heights)))
    parts = figure.subfigures(len(groups), 1, height_ratios=heights, squeeze=False)
    for part, number, (title, images, table) in zip(parts.flat, rows, groups, strict=True):
        part.suptitle(title, x=0.01, ha="left")
        axes = part.subplots(number, columns, squeeze=False, subplot_kw=BARE)
        for axis in axes.flat:
            axis.grid(visible=False)
        for axis, image, row in zip(axes.flat, images, table.itertuples(), strict=False):
            _draw_prediction(axis, image, row)
    return figure


def _draw_prediction(axis, image, row):
    wrong = row.prediction != row.label
    axis.imshow(image, vmin=0, vmax=255)
    axis.set_title(
        f"{row.prediction}  ({percent(row.confidence)})",
        fontsize=9,
        loc="center",
        color="C1" if wrong else "black",
        fontweight="bold" if wrong else "normal",
    )
    axis.set_xlabel(f"label {row.label}", fontsize=9)


def percent(confidence):
    """A confidence as a whole percent; none is rounded up to certainty."""
    return f"{confidence:.0%}" if confidence < 0.995 else ">99%"
