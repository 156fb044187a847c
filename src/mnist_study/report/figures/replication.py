"""The study with other seeds: how accuracies scatter, and where the mean loss turns."""

from functools import partial

from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnist_study.replication import mean_curve, val_losses
from mnist_study.report.figures.style import BELOW, look
from mnist_study.scores.claims import accuracy_bound
from mnist_study.study import NETS


def draw_panels(results, *, confidence):
    """Both figures, of the nets of which there are repetitions.

    Args:
        results: Findings.
        confidence: of the bands.

    Returns:
        dict: figure to dict of panel to functools.partial that draws it on an axis.
    """
    figures: dict[str, dict] = {}
    trials, summary = results.trials, results.metrics["replicate"]
    for net in results.replicated:
        accuracies = trials[trials["net"] == net]["test/accuracy"].to_numpy()
        curve = mean_curve(val_losses(results.trial_histories, net), confidence=confidence)
        claim, turn = (summary["claims"].get(f"{net}_{of}") for of in ("accuracy", "overfit_epoch"))
        mean = summary[net]["test"]["accuracy"]
        panels = {
            "accuracy": partial(draw_accuracies, accuracies=accuracies, mean=mean, claim=claim),
            "loss": partial(draw_loss, curve=curve, turn=turn),
        }
        for name, draw in panels.items():
            figures.setdefault(f"seeds_{name}", {})[f"seeds-{name}-{net}"] = partial(draw, net=net)
    return figures


def draw_accuracies(axis, accuracies, net, mean, claim):
    """A point per seed, their mean with its interval, and the claim.

    Args:
        accuracies: float (seeds,).
        mean: dict of the fields of replication.Mean.
        claim: dict of Verdict's fields, over seeds; None where none is made.
    """
    rows, colour = range(1, len(accuracies) + 1), look(net)["color"]
    axis.plot(sorted(accuracies), rows, linestyle="", label="a seed", gid="seeds", **look(net))
    axis.axvspan(
        mean["low"], mean["high"], color=colour, alpha=0.2, linewidth=0, label="mean, interval"
    )
    axis.axvline(mean["mean"], color=colour, linewidth=1)
    if claim is not None:
        bound = accuracy_bound(claim["claimed"])
        axis.axvline(bound, color="0.45", linestyle="--", label="claim's bound")
    axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=2))
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(
        title=f"The {NETS[net]}: {mean['mean']:.2%} over {len(accuracies)} seeds",
        xlabel="test accuracy",
        ylabel="seeds, in order of accuracy",
    )
    # Below the axis: beside the seeds, the legend's own marker would look like one.
    axis.legend(**BELOW, ncols=3, columnspacing=1.2)


def draw_loss(axis, curve, net, turn):
    """The mean validation loss by epoch with its band, and where it turns.

    Args:
        curve: what replication.mean_curve returned.
        turn: dict of Verdict's fields, of the epoch that is claimed; None where none is.
    """
    colour = look(net)["color"]
    axis.fill_between(
        curve["epoch"], curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0,
        label="interval", gid="band",
    )  # fmt: skip
    style = {"color": colour, "marker": ".", "label": "mean over seeds", "gid": "mean"}
    axis.plot(curve["epoch"], curve["mean"], **style)
    lowest = int(curve["epoch"][curve["mean"].idxmin()])
    title = f"The {NETS[net]}'s mean loss is lowest at epoch {lowest}"
    if turn is not None:
        axis.axvspan(
            turn["low"], turn["high"], color="0.45", alpha=0.15, linewidth=0,
            label="not told from the lowest",
        )  # fmt: skip
        axis.axvline(turn["claimed"], color="0.45", linestyle="--", label="claim")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(title=title, xlabel="epoch", ylabel="validation loss, nats")
    axis.legend(loc="upper right")
