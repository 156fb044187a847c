from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mnist_study.scores.claims import (
    CLAIMS,
    Verdict,
    describe,
    judge,
    judge_accuracy,
    judge_count,
    judge_overfitting,
)
from mnist_study.scores.uncertainty import Interval

BELOW = np.nextafter(0.955, 0)  # the last number below the bound of a claimed 96 %


def history(losses):
    return pd.DataFrame({"epoch": range(1, len(losses) + 1), "val/loss": losses})


def bowl(lowest, epochs=20):
    """A history whose validation loss is lowest at an epoch, without noise."""
    logarithm = np.log(np.arange(1, epochs + 1))
    return history(0.14 + 0.05 * (logarithm - np.log(lowest)) ** 2)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [(51_000, "reproduced"), (50_999, "refuted"), (51_001, "refuted")],
)
def test_a_count_is_the_claimed_one_or_the_claim_is_refuted(measured, verdict):
    assert judge_count(51_000, measured) == (51_000, measured, measured, measured, verdict)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        pytest.param(0.97, 0.99, "reproduced", id="far above"),
        pytest.param(0.955, 0.97, "reproduced", id="low end at the bound"),
        pytest.param(BELOW, 0.97, "undecided", id="low end just below the bound"),
        pytest.param(0.94, 0.955, "undecided", id="high end at the bound"),
        pytest.param(0.94, BELOW, "refuted", id="high end just below the bound"),
        pytest.param(0.5, 0.6, "refuted", id="far below"),
    ],
)
def test_an_accuracy_is_judged_by_its_whole_interval_at_half_a_percent_below_the_claim(
    low, high, verdict
):
    assert judge_accuracy(0.96, 0.95, Interval(low, high)) == (0.96, 0.95, low, high, verdict)


@pytest.mark.parametrize(
    ("claimed", "verdict"), [(5, "refuted"), (6, "reproduced"), (7, "refuted")]
)
def test_overfitting_is_reproduced_when_the_loss_turns_at_the_claimed_epoch(claimed, verdict):
    assert judge_overfitting(claimed, bowl(6), confidence=0.95) == (claimed, 6, 6, 6, verdict)


def test_every_epoch_of_the_interval_reproduces_and_the_next_refutes():
    noisy = bowl(6)
    noisy["val/loss"] += np.random.default_rng(3).normal(0, 0.02, 20)
    low, high = judge_overfitting(6, noisy, confidence=0.95)[2:4]
    assert 1 < low < 6 < high < 20
    verdicts = {
        claimed: judge_overfitting(claimed, noisy, confidence=0.95).verdict
        for claimed in (low - 1, low, high, high + 1)
    }
    assert list(verdicts.values()) == ["refuted", "reproduced", "reproduced", "refuted"]


def test_overfitting_is_undecided_while_the_loss_has_not_risen_again():
    falling = history(1 / np.arange(1, 21))
    verdict = judge_overfitting(20, falling, confidence=0.95)
    assert (verdict.measured, verdict.high, verdict.verdict) == (20, 20, "undecided")


def test_overfitting_is_refuted_while_the_loss_still_falls_well_after_the_claimed_epoch():
    falling = history(1 / np.arange(1, 21))
    assert judge_overfitting(6, falling, confidence=0.95).verdict == "refuted"


def test_five_epochs_are_too_few_to_judge_overfitting_by():
    short = history([0.5, 0.3, 0.2, 0.25, 0.4])
    assert judge_overfitting(3, short, confidence=0.95) == (3, 3, 1, 5, "undecided")


def test_six_epochs_are_enough_to_judge_overfitting_by():
    assert judge_overfitting(3, bowl(3, epochs=6), confidence=0.95) == (3, 3, 3, 3, "reproduced")


@pytest.fixture
def verdicts():
    claims = SimpleNamespace(
        train_images=51_000,
        test_images=10_000,
        dense_accuracy=0.96,
        cnn_accuracy=0.99,
        dense_overfit_epoch=6,
    )
    scores = {
        "dense": {"accuracy": 0.963, "accuracy_low": 0.959, "accuracy_high": 0.967},
        "cnn": {"accuracy": 0.98, "accuracy_low": 0.977, "accuracy_high": 0.983},
    }
    return judge(
        claims,
        sizes={"train": 51_000, "val": 9_000, "test": 9_999},
        scores=scores,
        histories={"dense": bowl(6), "cnn": bowl(9)},
        confidence=0.95,
    )


def test_each_claim_is_held_against_its_own_measurement(verdicts):
    assert verdicts == {
        "train_images": Verdict(51_000, 51_000, 51_000, 51_000, "reproduced")._asdict(),
        "test_images": Verdict(10_000, 9_999, 9_999, 9_999, "refuted")._asdict(),
        "dense_accuracy": Verdict(0.96, 0.963, 0.959, 0.967, "reproduced")._asdict(),
        "cnn_accuracy": Verdict(0.99, 0.98, 0.977, 0.983, "refuted")._asdict(),
        "dense_overfit_epoch": Verdict(6, 6, 6, 6, "reproduced")._asdict(),
    }


def test_every_claim_can_be_said_in_words(verdicts):
    assert [describe(name, verdict) for name, verdict in verdicts.items()] == [
        "51,000 images train",
        "10,000 images test",
        "The dense net reaches 96% test accuracy",
        "The CNN reaches 99% test accuracy",
        "The dense net overfits from epoch 6 or so",
    ]
    assert set(CLAIMS) == set(verdicts)
