import numpy as np
import pandas as pd
import pytest

from imagesets.catalogue import FILE, find, make_entry
from mnist_study.scores import claims
from mnist_study.scores.claims import (
    Claim,
    Verdict,
    judge,
    judge_accuracy,
    judge_count,
    judge_overfitting,
    state,
)
from mnist_study.scores.uncertainty import Interval
from studykit.errors import UserError
from studykit.params import read
from tests.tiny_study import ROOT

MNIST = find("mnist", ROOT / FILE)

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


def entry(*of_what):
    """MNIST's entry, with these claims instead of its own."""
    values = read(ROOT / FILE)["mnist"] | {"claims": list(of_what)}
    return make_entry("mnist", values)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist", "digits"])
def test_the_claims_of_the_catalogue_can_be_judged(name):
    stated = state(find(name, ROOT / FILE))
    assert len(stated) == {"mnist": 5}.get(name, 0)


def test_the_claims_on_mnist_are_those_of_the_study():
    assert state(MNIST) == {
        "train_images": Claim("images", "train", 51_000, "51,000 images train"),
        "test_images": Claim("images", "test", 10_000, "10,000 images test"),
        "dense_accuracy": Claim(
            "accuracy", "dense", 0.96, "The dense net reaches 96% test accuracy"
        ),
        "cnn_accuracy": Claim("accuracy", "cnn", 0.99, "The CNN reaches 99% test accuracy"),
        "dense_overfit_epoch": Claim(
            "overfit_epoch", "dense", 6, "The dense net overfits from epoch 6 or so"
        ),
    }


def test_a_net_is_called_in_a_claim_as_its_module_says(monkeypatch):
    monkeypatch.setattr(claims, "NETS", {"softmax": "softmax regression"})
    stated = state(entry({"net": "softmax", "metric": "accuracy", "value": 0.92}))
    statement = "The softmax regression reaches 92% test accuracy"
    assert stated == {"softmax_accuracy": Claim("accuracy", "softmax", 0.92, statement)}


def test_claims_on_nets_that_are_not_there_are_left_out(monkeypatch):
    monkeypatch.setattr(claims, "NETS", {"dense": "dense net"})
    assert list(state(MNIST)) == [
        "train_images",
        "test_images",
        "dense_accuracy",
        "dense_overfit_epoch",
    ]


@pytest.mark.parametrize(
    ("claim", "received"),
    [
        pytest.param({"net": "cnn", "metric": "speed", "value": 1}, "speed", id="unknown"),
        pytest.param({"net": "gone", "metric": "speed", "value": 1}, "speed", id="of no net"),
        pytest.param({"net": "cnn", "metric": "images", "value": 1}, "images", id="of a net"),
        pytest.param(
            {"split": "test", "metric": "accuracy", "value": 0.5}, "accuracy", id="of a split"
        ),
    ],
)
def test_a_claim_on_what_is_not_measured_is_refused_in_one_line(claim, received):
    with pytest.raises(UserError) as error:
        state(entry(claim))
    assert str(error.value) == (
        "datasets.yaml: mnist.claims: expected images of a split, accuracy and overfit_epoch of a "
        f"net, received {received}"
    )


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        pytest.param(
            {"net": "cnn", "metric": "accuracy", "value": 99},
            "expected an accuracy in (0, 1), received 99",
            id="percent",
        ),
        pytest.param(
            {"net": "dense", "metric": "overfit_epoch", "value": 6.5},
            "expected overfit_epoch to be a whole number of at least 1, received 6.5",
            id="half an epoch",
        ),
        pytest.param(
            {"split": "test", "metric": "images", "value": 0},
            "expected images to be a whole number of at least 1, received 0",
            id="no images",
        ),
    ],
)
def test_a_claim_of_an_impossible_number_is_refused_in_one_line(claim, told):
    with pytest.raises(UserError) as error:
        state(entry(claim))
    assert str(error.value) == f"datasets.yaml: mnist.claims: {told}"


def test_a_claim_on_a_split_that_there_is_not_is_refused_by_the_catalogue():
    with pytest.raises(UserError) as error:
        entry({"split": "tset", "metric": "images", "value": 10})
    assert str(error.value) == (
        "datasets.yaml: mnist.claims.0.split: expected train, val or test, received 'tset'"
    )


SCORES = {
    "dense": {"accuracy": 0.963, "accuracy_low": 0.959, "accuracy_high": 0.967},
    "cnn": {"accuracy": 0.98, "accuracy_low": 0.977, "accuracy_high": 0.983},
}


def judged(stated):
    return judge(
        stated,
        sizes={"train": 51_000, "val": 9_000, "test": 9_999},
        scores=SCORES,
        histories={"dense": bowl(6), "cnn": bowl(9)},
        confidence=0.95,
    )


def test_each_claim_is_held_against_its_own_measurement():
    assert judged(state(MNIST)) == {
        "train_images": Verdict(51_000, 51_000, 51_000, 51_000, "reproduced")._asdict(),
        "test_images": Verdict(10_000, 9_999, 9_999, 9_999, "refuted")._asdict(),
        "dense_accuracy": Verdict(0.96, 0.963, 0.959, 0.967, "reproduced")._asdict(),
        "cnn_accuracy": Verdict(0.99, 0.98, 0.977, 0.983, "refuted")._asdict(),
        "dense_overfit_epoch": Verdict(6, 6, 6, 6, "reproduced")._asdict(),
    }


def test_other_claims_are_held_against_what_they_are_on():
    stated = state(
        entry(
            {"split": "val", "metric": "images", "value": 9_000},
            {"net": "cnn", "metric": "overfit_epoch", "value": 6},
        )
    )
    assert judged(stated) == {
        "val_images": Verdict(9_000, 9_000, 9_000, 9_000, "reproduced")._asdict(),
        "cnn_overfit_epoch": Verdict(6, 9, 9, 9, "refuted")._asdict(),
    }


def test_without_claims_there_are_no_verdicts():
    assert judged(state(find("fashion-mnist", ROOT / FILE))) == {}
