"""Curves by epoch, and what other seeds make of them. Each function draws on an axis."""

from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnist_study.report.figures.style import BELOW, look
from mnist_study.scores.claims import accuracy_bound
from mnist_study.study import NETS


def draw_accuracy(axis, history, net):
    """Accuracy by epoch, train and val; a ring marks the epoch of the lowest val loss.

    Args:
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
    title = f"The {NETS[net]}'s val loss is lowest at epoch {lowest}"
    axis.set(title=title, ylabel="cross-entropy, nats")
    axis.set_ylim(bottom=0)
    axis.legend(loc="upper right")


def _draw(axis, history, net, metric):
    colour = {"color": look(net)["color"]}
    for split, style in {"train": {"color": "0.45", "linestyle": "--"}, "val": colour}.items():
        style = {"label": split, "gid": split, "marker": "."} | style
        axis.plot(history["epoch"], history[f"{split}/{metric}"], **style)
    lowest = history.loc[history["val/loss"].idxmin()]
    ring = {"markersize": 11, "markerfacecolor": "none", "label": "lowest val loss"} | colour
    axis.plot(lowest["epoch"], lowest[f"val/{metric}"], "o", **ring)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(xlabel="epoch")


def draw_seeds(axis, accuracies, net, mean, claim):
    """A point per seed, their mean with its interval, and the claim.

    Args:
        accuracies: float (seeds,).
        net: its name.
        mean: dict of the fields of replication.Mean.
        claim: dict of Verdict's fields, over seeds; None where none is made.
    """
    rows, colour = range(1, len(accuracies) + 1), look(net)["color"]
    axis.plot(sorted(accuracies), rows, linestyle="", label="a seed", gid="seeds", **look(net))
    band = {"color": colour, "alpha": 0.2, "linewidth": 0, "label": "mean, interval"}
    axis.axvspan(mean["low"], mean["high"], **band)
    axis.axvline(mean["mean"], color=colour, linewidth=1)
    if claim is not None:
        bound = accuracy_bound(claim["claimed"])
        axis.axvline(bound, color="0.45", linestyle="--", label="claim's bound")
    axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=2))
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    title = f"The {NETS[net]}: {mean['mean']:.2%} over {len(accuracies)} seeds"
    axis.set(title=title, xlabel="test accuracy", ylabel="seeds, in order of accuracy")
    # Below the axis: beside the seeds, the legend's own marker would look like one.
    axis.legend(**BELOW, ncols=3, columnspacing=1.2)


def draw_mean_loss(axis, curve, net, turn):
    """The mean validation loss by epoch over seeds with its band, and where it turns.

    Args:
        curve: what replication.mean_curve returned.
        net: its name.
        turn: dict of Verdict's fields, of the epoch that is claimed; None where none is.
    """
    colour = look(net)["color"]
    band = {"color": colour, "alpha": 0.2, "linewidth": 0, "label": "interval", "gid": "band"}
    axis.fill_between(curve["epoch"], curve["low"], curve["high"], **band)
    style = {"color": colour, "marker": ".", "label": "mean over seeds", "gid": "mean"}
    axis.plot(curve["epoch"], curve["mean"], **style)
    if turn is not None:
        near = {"color": "0.45", "alpha": 0.15, "linewidth": 0, "label": "not told from the lowest"}
        axis.axvspan(turn["low"], turn["high"], **near)
        axis.axvline(turn["claimed"], color="0.45", linestyle="--", label="claim")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    lowest = int(curve["epoch"][curve["mean"].idxmin()])
    title = f"The {NETS[net]}'s mean loss is lowest at epoch {lowest}"
    axis.set(title=title, xlabel="epoch", ylabel="validation loss, nats")
    axis.legend(loc="upper right")
