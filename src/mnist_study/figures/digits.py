"""Pictures of digits."""

from mnist_study.figures.style import plt
from mnist_study.mnist import NUM_CLASSES


def draw_digits(split, per_digit=10):
    """A grid of example digits: a row per digit, the first images of each."""
    figure, axes = plt.subplots(
        NUM_CLASSES, per_digit, figsize=(6, 6.3), subplot_kw={"xticks": [], "yticks": []}
    )
    for digit, row in enumerate(axes):
        images = split.x[split.y == digit][:per_digit]
        row[0].set_ylabel(str(digit), rotation=0, labelpad=10, va="center")
        for axis in row:
            axis.axis("on")
            axis.spines[:].set_visible(False)
        for axis, image in zip(row, images, strict=False):
            axis.imshow(image, vmin=0, vmax=255)
    figure.suptitle(f"Training images: the first {per_digit} of each digit")
    return figure


def draw_digit(image, label):
    """One digit, with its intensity scale."""
    figure, axis = plt.subplots(figsize=(4, 3.6))
    axis.grid(visible=False)
    shown = axis.imshow(image, vmin=0, vmax=255)
    axis.set(title=f"A handwritten {label}: 28 × 28 pixels", xlabel="column", ylabel="row")
    figure.colorbar(shown, label="intensity, 0–255")
    return figure


def draw_predictions(images, table, title, columns=8):
    """A grid of test digits: the prediction on top of each, the label below.

    Args:
        images: uint8 (n, 28, 28).
        table: pandas.DataFrame of n rows with label, prediction and confidence.
        title: what the grid shows.
    """
    rows = max(1, -(-len(images) // columns))
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(columns * 1.05, rows * 1.5 + 0.4),
        squeeze=False,
        subplot_kw={"frame_on": False, "xticks": [], "yticks": []},
    )
    for axis in axes.flat:
        axis.grid(visible=False)
    for axis, image, row in zip(axes.flat, images, table.itertuples(), strict=False):
        axis.imshow(image, vmin=0, vmax=255)
        wrong = row.prediction != row.label
        axis.set_title(
            f"{row.prediction}  ({row.confidence:.0%})",
            fontsize=9,
            loc="center",
            color="C1" if wrong else "black",
            fontweight="bold" if wrong else "normal",
        )
        axis.set_xlabel(f"label {row.label}", fontsize=8)
    figure.suptitle(title, x=0.01, ha="left")
    return figure
