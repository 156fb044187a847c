"""Pictures of digits."""

from mnist_study.figures.style import plt
from mnist_study.mnist import NUM_CLASSES

BARE = {"frame_on": False, "xticks": [], "yticks": []}
CELL = (1.05, 1.5)  # inches


def draw_digits(split, per_digit=10):
    """A grid of example digits: a row per digit, the first images of each."""
    figure, axes = plt.subplots(NUM_CLASSES, per_digit, figsize=(6, 6.3), subplot_kw=BARE)
    for digit, row in enumerate(axes):
        images = split.x[split.y == digit][:per_digit]
        row[0].set_ylabel(str(digit), rotation=0, labelpad=10, va="center")
        for axis in row:
            axis.grid(visible=False)
        for axis, image in zip(row, images, strict=False):
            axis.imshow(image, vmin=0, vmax=255)
    figure.suptitle(f"Training images: the first {per_digit} of each digit", x=0.01, ha="left")
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
