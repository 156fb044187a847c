"""Curves by epoch."""

from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnist_study.figures.style import plt


def draw_curves(history, name):
    """Accuracy and loss by epoch, train and val, with the epoch of the lowest validation loss."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
    lowest = history.loc[history["val/loss"].idxmin()]
    for axis, metric in zip(axes, ("accuracy", "loss"), strict=True):
        for split, style in (("train", "--"), ("val", "-")):
            axis.plot(
                history["epoch"], history[f"{split}/{metric}"], style, label=split, marker="."
            )
        axis.axvline(lowest["epoch"], color="0.4", linewidth=1, linestyle=":")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set(xlabel="epoch")
        axis.legend()
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes[0].set(title=f"{name}: accuracy", ylabel="accuracy")
    axes[1].set(
        title=f"{name}: validation loss is lowest at epoch {lowest['epoch']:.0f}",
        ylabel="cross-entropy, nats",
    )
    return figure
