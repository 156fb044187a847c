"""Curves by epoch, and what other seeds make of them. Each function draws on an axis."""

from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnist_study.report.figures.style import BELOW, legend_of_nets, look, of_each
from mnist_study.scores.claims import ROUNDING
from mnist_study.study import NETS


def draw_accuracy(axis, histories):
    """Accuracy by epoch; a ring marks the epoch of the lowest val loss.

    Args:
        histories: net to pandas.DataFrame as training.train returns it; of one net or of several.
    """
    _draw(axis, histories, "accuracy")
    ends = {net: f"{history['val/accuracy'].iloc[-1]:.1%}" for net, history in histories.items()}
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    title = f"On validation, in the end: {of_each(ends, 'all nets')}"
    axis.set(title=title, ylabel="accuracy")


def draw_loss(axis, histories):
    """Loss by epoch, likewise; the ring's epoch is named."""
    turns = _draw(axis, histories, "loss")
    for place, (net, (epoch, loss)) in enumerate(turns.items()):
        early = epoch <= histories[net]["epoch"].max() / 2
        colour, side = look(net)["color"], "left" if early else "right"
        axis.annotate(
            f" {NETS[net]}: lowest at {epoch} ", (epoch, loss), (epoch, 0.94 - 0.1 * (place % 8)),
            textcoords=("data", "axes fraction"), fontsize=9, color=colour, ha=side,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "shrinkA": 0,
                        "relpos": (0 if early else 1, 0)},
        )  # fmt: skip
    after = of_each({net: epoch for net, (epoch, _) in turns.items()}, "ringed")
    axis.set(title=f"Epoch of the lowest validation loss: {after}", ylabel="cross-entropy, nats")
    axis.set_ylim(bottom=0)


def _draw(axis, histories, metric):
    """Both curves of each net, the gap between them shaded; net to where its val loss is lowest."""
    turns = {}
    for net, history in histories.items():
        colour, epochs = look(net)["color"], history["epoch"]
        train, val = (history[f"{split}/{metric}"] for split in ("train", "val"))
        style = {"color": colour, "marker": "."}
        dashed = style | {"linestyle": "--", "linewidth": 1, "markersize": 3}
        axis.plot(epochs, train, gid=f"{net}-train", **dashed)
        axis.plot(epochs, val, label=NETS[net], gid=f"{net}-val", **style)
        axis.fill_between(epochs, train, val, color=colour, alpha=0.15, linewidth=0)
        lowest = history["val/loss"].idxmin()
        turns[net] = epochs[lowest], val[lowest]
        ring = {"markersize": 11, "markerfacecolor": "none", "color": colour, "gid": f"{net}-ring"}
        axis.plot(*turns[net], "o", **ring)
    _by_epoch(axis)
    axis.plot([], [], color="0.45", linestyle="--", linewidth=1, label="dashed: train")
    axis.legend(**legend_of_nets())
    return turns


def _by_epoch(axis):
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
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
        bound = claim["claimed"] - ROUNDING
        axis.axvline(bound, color="0.45", linestyle="--", label="claim's bound")
    axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=2))
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    title = f"The {NETS[net]}: {mean['mean']:.2%} over {len(accuracies)} seeds"
    axis.set(title=title, xlabel="test accuracy", ylabel="seeds, in order of accuracy")
    # Below the axis: beside the seeds, the legend's own marker would look like one.
    axis.legend(**BELOW, ncols=3, columnspacing=1.2)


def draw_mean_loss(axis, losses, curve, net, turn):
    """The validation loss by epoch of every seed, their mean with its band, and where it turns.

    Args:
        losses: float (seeds, epochs).
        curve: what replication.mean_curve returned of them.
        net: its name.
        turn: dict of Verdict's fields, of the epoch that is claimed; None where none is.
    """
    colour = look(net)["color"]
    for number, each in enumerate(losses):
        label = None if number else "a seed"
        faint = {"color": colour, "alpha": 0.35, "linewidth": 0.7, "gid": f"seed-{number}"}
        axis.plot(curve["epoch"], each, label=label, **faint)
    band = {"color": colour, "alpha": 0.2, "linewidth": 0, "label": "interval", "gid": "band"}
    axis.fill_between(curve["epoch"], curve["low"], curve["high"], **band)
    style = {"color": colour, "marker": ".", "label": "mean over seeds", "gid": "mean"}
    axis.plot(curve["epoch"], curve["mean"], **style)
    if turn is not None:
        near = {"color": "0.45", "alpha": 0.15, "linewidth": 0, "label": "not told from the lowest"}
        axis.axvspan(turn["low"], turn["high"], **near)
        axis.axvline(turn["claimed"], color="0.45", linestyle="--", label="claim")
    _by_epoch(axis)
    lowest = int(curve["epoch"][curve["mean"].idxmin()])
    title = f"The {NETS[net]}: mean loss lowest at epoch {lowest}"
    axis.set(title=title, ylabel="validation loss, nats")
    axis.legend(**BELOW, ncols=3, columnspacing=1.2)
