"""The study with other seeds: how accuracies scatter, and where the mean loss turns."""

from functools import partial

from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnist_study.replication import mean_curve, val_losses
from mnist_study.report.figures.style import COLOURS, MARKERS
from mnist_study.scores.claims import accuracy_bound
from mnist_study.study import NETS


def draw_panels(trials, histories, summary, *, confidence):
    """Both figures.

    Args:
        trials, histories: as replication.summarise takes them.
        summary: what it returned.
        confidence: of the bands.

    Returns:
        dict: figure to dict of panel to functools.partial that draws it on an axis.
    """
    figures: dict[str, dict] = {}
    for net in NETS:
        accuracies = trials[trials["net"] == net]["test/accuracy"].to_numpy()
        curve = mean_curve(val_losses(histories, net), confidence=confidence)
        panels = {
            "accuracy": partial(draw_accuracies, accuracies=accuracies),
            "loss": partial(draw_loss, curve=curve),
        }
        for name, draw in panels.items():
            drawn = partial(draw, net=net, claims=summary["claims"])
            figures.setdefault(f"seeds_{name}", {})[f"seeds-{name}-{net}"] = drawn
    return figures


def draw_accuracies(axis, accuracies, net, claims):
    """A point per seed, their mean with its interval, and the claim.

    Args:
        accuracies: float (seeds,).
        claims: claim to dict of Verdict's fields, over seeds.
    """
    claim = claims[f"{net}_accuracy"]
    rows = range(1, len(accuracies) + 1)
    axis.plot(
        sorted(accuracies), rows, MARKERS[net], color=COLOURS[net], label="a seed", gid="seeds"
    )
    axis.axvspan(
        claim["low"], claim["high"], color=COLOURS[net], alpha=0.2, linewidth=0,
        label="mean, interval",
    )  # fmt: skip
    axis.axvline(claim["measured"], color=COLOURS[net], linewidth=1)
    axis.axvline(
        accuracy_bound(claim["claimed"]), color="0.45", linestyle="--", label="claim's bound"
    )
    axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=2))
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(
        title=f"The {NETS[net]}: {claim['measured']:.2%} over {len(accuracies)} seeds",
        xlabel="test accuracy",
        ylabel="seeds, in order of accuracy",
    )
    # Below the axis: beside the seeds, the legend's own marker would look like one.
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, columnspacing=1.2)


def draw_loss(axis, curve, net, claims):
    """The mean validation loss by epoch with its band; for the dense net, where it turns.

    Args:
        curve: what replication.mean_curve returned.
    """
    axis.fill_between(
        curve["epoch"], curve["low"], curve["high"], color=COLOURS[net], alpha=0.2, linewidth=0,
        label="interval", gid="band",
    )  # fmt: skip
    axis.plot(
        curve["epoch"], curve["mean"], color=COLOURS[net], marker=".", label="mean over seeds",
        gid="mean",
    )  # fmt: skip
    lowest = int(curve["epoch"][curve["mean"].idxmin()])
    title = f"The {NETS[net]}'s mean val loss is lowest at epoch {lowest}"
    turn = claims.get(f"{net}_overfit_epoch")
    if turn is not None:
        axis.axvspan(
            turn["low"], turn["high"], color="0.45", alpha=0.15, linewidth=0,
            label="not told from the lowest",
        )  # fmt: skip
        axis.axvline(turn["claimed"], color="0.45", linestyle="--", label="claim")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(title=title, xlabel="epoch", ylabel="cross-entropy, nats")
    axis.legend(loc="upper right")
