"""The study's claims, and the rules that one run is judged by.

A verdict is one of
- reproduced: the measurement supports the claim, also at the unfavourable end of its interval;
- refuted: it contradicts the claim, also at the favourable end;
- undecided: the interval allows both.
"""

from typing import NamedTuple

from mnist_study.scores.uncertainty import Interval, turning_epoch
from mnist_study.study import NETS
from studykit.errors import UserError

ROUNDING = 0.005  # half a percent: the study states accuracies to a whole percent
MIN_EPOCHS = 6  # four coefficients of the curve, and something left to measure its noise by


class Claim(NamedTuple):
    """What the study states of one quantity of a data set.

    Attributes:
        quantity: images (of a split), accuracy (of a net, on test), or overfit_epoch (of a net).
        of: the split or the net.
        claimed: the number.
        statement: in words.
    """

    quantity: str
    of: str
    claimed: float
    statement: str


STATEMENTS = {  # by quantity
    "images": "{claimed:,} images {of}",
    "accuracy": "The {of} reaches {claimed:.0%} test accuracy",
    "overfit_epoch": "The {of} overfits from epoch {claimed} or so",
}
RULES = {  # by quantity: how one run is judged
    "images": "The number of images is exact: it is the claimed one, or the claim is refuted.",
    "accuracy": (
        "The claim is a whole percent, so it says: at least half a percent below that. Reproduced "
        "when the whole Wilson interval of the test accuracy lies at or above this bound, refuted "
        "when the whole of it lies below."
    ),
    "overfit_epoch": (
        "A cubic in the logarithm of the epoch is fitted to the validation loss. Reproduced when "
        "the claimed epoch is among those that a t-test cannot tell from the curve's lowest and "
        "the loss rises again before training ends; refuted when it is not among them. This is one "
        "run's curve: other seeds turn elsewhere."
    ),
}


class Verdict(NamedTuple):
    """A claim held against its measurement; low and high bound the measurement's interval."""

    claimed: float
    measured: float
    low: float
    high: float
    verdict: str


def state(entry):
    """The claims on a data set.

    Args:
        entry: of `datasets.yaml`, checked.

    Returns:
        dict: name, such as `dense_accuracy`, to Claim. Those on nets that there are not are left
        out.

    Raises:
        UserError: a claim is on something that the study does not measure, or is no number of it.
    """
    stated = {}
    for claim in entry.claims:
        _check(claim, entry.where("claims"))
        of = claim.split or claim.net
        if title := claim.split or NETS.get(of):
            statement = STATEMENTS[claim.metric].format(claimed=claim.value, of=title)
            stated[f"{of}_{claim.metric}"] = Claim(claim.metric, of, claim.value, statement)
    return stated


def _check(claim, where):
    number = claim.value
    if claim.metric not in STATEMENTS or (claim.metric == "images") != bool(claim.split):
        known = "images of a split, accuracy and overfit_epoch of a net"
        raise UserError(f"{where}: expected {known}, received {claim.metric}")
    if claim.metric == "accuracy" and not 0 < number < 1:
        raise UserError(f"{where}: expected an accuracy in (0, 1), received {number}")
    if claim.metric != "accuracy" and not (isinstance(number, int) and number > 0):
        expected = f"{claim.metric} to be a whole number of at least 1"
        raise UserError(f"{where}: expected {expected}, received {number}")


def judge(claims, *, sizes, scores, histories, confidence):
    """Judge all claims by one run.

    Args:
        claims: what state returned.
        sizes: images per split, by name.
        scores: what evaluation.score returned, by net.
        histories: pandas.DataFrame with epoch and val/loss, by net.
        confidence: of the interval of the overfitting epoch.

    Returns:
        dict: claim to dict of Verdict's fields.
    """
    verdicts = {}
    for name, (quantity, of, claimed, _) in claims.items():
        if quantity == "images":
            verdict = judge_count(claimed, sizes[of])
        elif quantity == "accuracy":
            interval = Interval(scores[of]["accuracy_low"], scores[of]["accuracy_high"])
            verdict = judge_accuracy(claimed, scores[of]["accuracy"], interval)
        else:
            verdict = judge_overfitting(claimed, histories[of], confidence=confidence)
        verdicts[name] = verdict._asdict()
    return verdicts


def judge_count(claimed, measured):
    """Judge a number of images."""
    verdict = "reproduced" if measured == claimed else "refuted"
    return Verdict(claimed, measured, measured, measured, verdict)


def judge_accuracy(claimed, measured, interval):
    """Judge a test accuracy and its interval."""
    bound = claimed - ROUNDING  # the lowest accuracy that still is the claimed whole percent
    verdict = _verdict(is_so=interval.low >= bound, is_not_so=interval.high < bound)
    return Verdict(claimed, measured, interval.low, interval.high, verdict)


def judge_overfitting(claimed, history, *, confidence):
    """Judge the epoch at which overfitting begins.

    Args:
        claimed: epoch, from 1.
        history: pandas.DataFrame with epoch and val/loss.
        confidence: of the interval, in (0, 1).
    """
    epochs, losses = history["epoch"].to_numpy(), history["val/loss"].to_numpy()
    if len(epochs) < MIN_EPOCHS:
        lowest = int(epochs[losses.argmin()])
        return Verdict(claimed, lowest, 1, len(epochs), "undecided")
    turn = turning_epoch(epochs, losses, confidence=confidence)
    return judge_turn(claimed, *turn, last=epochs[-1])


def judge_turn(claimed, lowest, interval, *, last):
    """Judge the epoch of the lowest loss and its interval; last is the last epoch."""
    is_among = interval.low <= claimed <= interval.high
    verdict = _verdict(is_so=is_among and interval.high < last, is_not_so=not is_among)
    return Verdict(claimed, lowest, interval.low, interval.high, verdict)


def _verdict(*, is_so, is_not_so):
    if is_so:
        return "reproduced"
    return "refuted" if is_not_so else "undecided"
