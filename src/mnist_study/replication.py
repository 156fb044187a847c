"""The study repeated with other seeds: what its claims are worth beyond one run.

A single run's interval says what other test images would have changed. The intervals here say what
another split into train and val, and other initial weights, change on the same test images.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import special  # scipy.stats takes half a second to import

from mnist_study.scores import pairs
from mnist_study.scores.claims import judge_accuracy, judge_turn
from mnist_study.scores.uncertainty import Interval, wilson_interval
from mnist_study.study import NETS
from studykit.files import read_csv, read_json

TRIALS = "replication/trials.csv"
HISTORIES = "replication/histories.csv"
MEASURED_ON = "replication/measured_on.json"
COLUMNS = (  # of the two tables
    ("trial", "split_seed", "weights_seed", "net", "test/accuracy"),
    ("trial", "net", "epoch", "train/loss", "train/accuracy", "val/loss", "val/accuracy"),
)

RULES = {  # by quantity: how many seeds are judged
    "accuracy": (
        "The net is trained with several seeds. The claim is a whole percent, so it says: at least "
        "half a percent below that. Reproduced when the whole t-interval of the mean test accuracy "
        "over seeds lies at or above this bound, refuted when the whole of it lies below."
    ),
    "overfit_epoch": (
        "The validation loss is averaged over seeds, epoch by epoch. Reproduced when the claimed "
        "epoch is among those that a paired t-test over seeds does not tell from that of the "
        "lowest mean, and the loss is above it again before training ends; refuted when it is not "
        "among them."
    ),
}


class Mean(NamedTuple):
    """A mean over seeds: its t-interval, and the standard deviation of a single seed."""

    mean: float
    low: float
    high: float
    sd: float


def mean_interval(values, *, confidence):
    """Mean and its interval over independent repetitions.

    Args:
        values: float (n,), n at least 2.
        confidence: in (0, 1).

    Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    values = np.asarray(values)
    mean, sd = values.mean(), values.std(ddof=1)
    half = special.stdtrit(len(values) - 1, (1 + confidence) / 2) * sd / np.sqrt(len(values))
    return Mean(float(mean), float(mean - half), float(mean + half), float(sd))


def mean_curve(losses, *, confidence):
    """The mean of several curves, and its band.

    Args:
        losses: float (seeds, epochs).
        confidence: of the interval at each epoch.

    Returns:
        pandas.DataFrame, a row per epoch from 1: epoch, and the fields of Mean.
    """
    rows = [mean_interval(column, confidence=confidence) for column in np.asarray(losses).T]
    curve = pd.DataFrame(rows, columns=list(Mean._fields))
    curve.insert(0, "epoch", range(1, len(curve) + 1))
    return curve


def turning_epoch(losses, *, confidence):
    """Where the mean curve is lowest, and the epochs that cannot be told from that.

    The seeds are the repetitions: at each epoch a paired t-test compares its loss with the loss at
    the lowest epoch, seed by seed.

    Args:
        losses: float (seeds, epochs), at least 2 seeds.
        confidence: of each test.

    Returns:
        The epoch, from 1, and the Interval of the epochs around it.
    """
    losses = np.asarray(losses)
    lowest = int(losses.mean(axis=0).argmin())
    above = [
        mean_interval(column, confidence=confidence) for column in (losses.T - losses[:, lowest])
    ]
    near = [epoch for epoch, difference in enumerate(above, start=1) if difference.low <= 0]
    return lowest + 1, Interval(min(near), max(near))


def judge_overfitting(claimed, losses, *, confidence):
    """Judge the epoch at which overfitting begins, by many seeds; a Verdict."""
    turn = turning_epoch(losses, confidence=confidence)
    return judge_turn(claimed, *turn, last=np.shape(losses)[1])


def read_tables():
    """The tables of all trials, and of their histories, as summarise takes them."""
    return read_csv(TRIALS, COLUMNS[0]), read_csv(HISTORIES, COLUMNS[1])


def data_name():
    """The name of the data set that the trials are of; None where it was not kept."""
    return read_json(MEASURED_ON, {"params": dict})["params"].get("data.name")


def val_losses(histories, net):
    """float (seeds, epochs): the validation loss of a net, from the table of all histories."""
    rows = histories[histories["net"] == net]
    return rows.pivot(index="trial", columns="epoch", values="val/loss").to_numpy()


def summarise(trials, histories, *, claims, confidence):
    """Sum up the trials and judge the claims that seeds can change.

    Args:
        trials: pandas.DataFrame, a row per trial and net: trial, net, test/accuracy.
        histories: pandas.DataFrame, a row per trial, net and epoch: trial, net, epoch, val/loss.
        claims: what scores.claims.state returned.
        confidence: of all intervals.

    Returns:
        dict: how many seeds, the fields of Mean and more by net, the differences between the nets,
        and claim to dict of Verdict's fields.
    """
    nets = [net for net in NETS if net in set(trials["net"])]
    accuracies = trials.pivot(index="trial", columns="net", values="test/accuracy")
    claimed = {claim.of: claim.claimed for claim in claims.values() if claim.quantity == "accuracy"}
    summary: dict[str, Any] = {"seeds": len(accuracies)}
    for net in nets:
        summary[net] = _summarise_net(accuracies[net], claimed.get(net), confidence=confidence)
    for first, second in pairs(nets):
        difference = mean_interval(accuracies[second] - accuracies[first], confidence=confidence)
        summary[f"{second}_minus_{first}"] = difference._asdict()
    verdicts = {}
    for name, claim in claims.items():
        if claim.of in nets and claim.quantity == "accuracy":
            mean = mean_interval(accuracies[claim.of], confidence=confidence)
            interval = Interval(mean.low, mean.high)
            verdicts[name] = judge_accuracy(claim.claimed, mean.mean, interval)._asdict()
        elif claim.of in nets:
            losses = val_losses(histories, claim.of)
            verdict = judge_overfitting(claim.claimed, losses, confidence=confidence)
            verdicts[name] = verdict._asdict()
    return summary | {"claims": verdicts}


def headlines(summary):
    """What the metrics files hold of a summary, a file a net: its mean accuracy, with interval."""
    means = {net: summary[net]["test"]["accuracy"] for net in NETS if net in summary}
    return {
        net: {"accuracy": mean["mean"], "low": mean["low"], "high": mean["high"]}
        for net, mean in means.items()
    }


def _summarise_net(accuracies, claimed, *, confidence):
    """What the seeds say of one net's test accuracy, and how many reach what is claimed."""
    mean = mean_interval(accuracies, confidence=confidence)
    spread = {"min": float(accuracies.min()), "max": float(accuracies.max())}
    summary: dict[str, Any] = {"test": {"accuracy": mean._asdict() | spread}}
    if claimed is not None:
        reached = int((accuracies >= claimed).sum())
        low, high = wilson_interval(reached, len(accuracies), confidence=confidence)
        summary["reaches_claim"] = {"share": reached / len(accuracies), "low": low, "high": high}
    return summary
