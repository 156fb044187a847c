"""Curves by epoch."""

from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnist_study.report.figures.style import look
from mnist_study.study import NETS


def draw_accuracy(axis, history, net):
    """Accuracy by epoch, train and val; a ring marks the epoch of the lowest val loss.

    Args:
        axis: to draw on.
        history: pandas.DataFrame as training.train returns it.
        net: its name.
    """
    _draw(axis, history, net, "accuracy")
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    final = history["val/accuracy"].iloc[-1]
    axis.set(title=f"The {NETS[net]} ends at {final:.1%} on validation", ylabel="accuracy")
    axis.legend(loc="lower right")


def draw_loss(axis, history, net):
    """Loss by epoch, likewise."""
    _draw(axis, history, net, "loss")
    lowest = history["epoch"][history["val/loss"].idxmin()]
    axis.set(
        title=f"The {NETS[net]}'s val loss is lowest at epoch {lowest}",
        ylabel="cross-entropy, nats",
    )
    axis.set_ylim(bottom=0)
    axis.legend(loc="upper right")


def _draw(axis, history, net, metric):
    styles = {"train": {"color": "0.45", "linestyle": "--"}, "val": {"color": look(net)["color"]}}
    for split, style in styles.items():
        axis.plot(
            history["epoch"],
            history[f"{split}/{metric}"],
            label=split,
            marker=".",
            gid=split,
            **style,
        )
    lowest = history.loc[history["val/loss"].idxmin()]
    axis.plot(
        lowest["epoch"],
        lowest[f"val/{metric}"],
        "o",
        markersize=11,
        markerfacecolor="none",
        color=look(net)["color"],
        label="lowest val loss",
    )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(xlabel="epoch")
