"""The study's claims, and the rules that they are judged by.

A verdict is one of
- reproduced: the measurement supports the claim, also at the unfavourable end of its interval;
- refuted: it contradicts the claim, also at the favourable end;
- undecided: the interval allows both.
"""

from typing import NamedTuple

from mnist_study.scores.uncertainty import Interval, turning_epoch

ROUNDING = 0.005  # half a percent: the study states accuracies to a whole percent
MIN_EPOCHS = 6  # four coefficients of the curve, and something left to measure its noise by

COUNT_RULE = "The number of images is exact: it is the claimed one, or the claim is refuted."
ACCURACY_RULE = (
    "The claim is a whole percent, so it says: at least half a percent below that. Reproduced when "
    "the whole Wilson interval of the test accuracy lies at or above this bound, refuted when the "
    "whole of it lies below."
)
OVERFIT_RULE = (
    "A cubic in the logarithm of the epoch is fitted to the validation loss. Reproduced when the "
    "claimed epoch is among those that a t-test cannot tell from the curve's lowest and the loss "
    "rises again before training ends; refuted when it is not among them. This is one run's curve: "
    "other seeds turn elsewhere."
)

STATEMENTS = {  # claim: what it says, and its rule
    "train_images": ("{claimed:,} images train", COUNT_RULE),
    "test_images": ("{claimed:,} images test", COUNT_RULE),
    "dense_accuracy": ("The dense net reaches {claimed:.0%} test accuracy", ACCURACY_RULE),
    "cnn_accuracy": ("The CNN reaches {claimed:.0%} test accuracy", ACCURACY_RULE),
    "dense_overfit_epoch": ("The dense net overfits from epoch {claimed} or so", OVERFIT_RULE),
}


class Verdict(NamedTuple):
    """A claim held against its measurement; low and high bound the measurement's interval."""

    claimed: float
    measured: float
    low: float
    high: float
    verdict: str


def judge_count(claimed, measured):
    """Judge a number of images by COUNT_RULE."""
    verdict = "reproduced" if measured == claimed else "refuted"
    return Verdict(claimed, measured, measured, measured, verdict)


def judge_accuracy(claimed, measured, interval):
    """Judge a test accuracy and its interval by ACCURACY_RULE."""
    bound = claimed - ROUNDING
    if interval.low >= bound:
        verdict = "reproduced"
    elif interval.high < bound:
        verdict = "refuted"
    else:
        verdict = "undecided"
    return Verdict(claimed, measured, interval.low, interval.high, verdict)


def judge_overfitting(claimed, history, *, confidence):
    """Judge the epoch at which overfitting begins by OVERFIT_RULE.

    Args:
        claimed: epoch, from 1.
        history: pandas.DataFrame with epoch and val/loss.
        confidence: of the interval, in (0, 1).
    """
    epochs, losses = history["epoch"].to_numpy(), history["val/loss"].to_numpy()
    if len(epochs) < MIN_EPOCHS:
        lowest = int(epochs[losses.argmin()])
        return Verdict(claimed, lowest, 1, len(epochs), "undecided")
    lowest, interval = turning_epoch(epochs, losses, confidence=confidence)
    if not interval.low <= claimed <= interval.high:
        verdict = "refuted"
    elif interval.high < epochs[-1]:
        verdict = "reproduced"
    else:
        verdict = "undecided"
    return Verdict(claimed, lowest, interval.low, interval.high, verdict)


def judge(claims, *, sizes, scores, dense_history, confidence):
    """Judge all claims.

    Args:
        claims: the section evaluate.claims of the parameters.
        sizes: images per split, by name.
        scores: what evaluation.score returned, by net.
        dense_history: the dense net's history.
        confidence: of the interval of the overfitting epoch.

    Returns:
        dict: claim to dict of Verdict's fields.
    """

    def accuracy(net, claimed):
        score = scores[net]
        interval = Interval(score["accuracy_low"], score["accuracy_high"])
        return judge_accuracy(claimed, score["accuracy"], interval)

    verdicts = {
        "train_images": judge_count(claims.train_images, sizes["train"]),
        "test_images": judge_count(claims.test_images, sizes["test"]),
        "dense_accuracy": accuracy("dense", claims.dense_accuracy),
        "cnn_accuracy": accuracy("cnn", claims.cnn_accuracy),
        "dense_overfit_epoch": judge_overfitting(
            claims.dense_overfit_epoch, dense_history, confidence=confidence
        ),
    }
    return {name: verdict._asdict() for name, verdict in verdicts.items()}


def describe(name, verdict):
    """What a claim says, in words.

    Args:
        name: of the claim.
        verdict: dict of Verdict's fields.
    """
    statement, _ = STATEMENTS[name]
    return statement.format(claimed=verdict["claimed"])
