import numpy as np
import pytest
from scipy import stats

from mnist_study.scores.uncertainty import (
    Interval,
    paired_difference,
    turning_epoch,
    wilson_interval,
)

EPOCHS = np.arange(1, 21)


def bowl(lowest, depth=0.05):
    """A loss that is lowest at an epoch: a parabola in the logarithm of the epoch."""
    return 0.14 + depth * (np.log(EPOCHS) - np.log(lowest)) ** 2


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_wilson_interval_is_newcombes(successes, trials, low, high):
    interval = wilson_interval(successes, trials, confidence=0.95)
    assert interval == pytest.approx((low, high), abs=5e-5)


def test_the_wilson_interval_ends_at_1_when_nothing_fails():
    # The lower bound is n / (n + z²).
    interval = wilson_interval(100, 100, confidence=0.99)
    assert interval.low == pytest.approx(100 / (100 + 2.575829**2), abs=1e-6)
    assert interval.high == 1.0


def test_a_higher_confidence_widens_the_wilson_interval():
    narrow, wide = (wilson_interval(960, 1000, confidence=c) for c in (0.9, 0.99))
    assert wide.low < narrow.low < 0.96 < narrow.high < wide.high


@pytest.fixture
def pair():
    """Ten images: both right on 3, only the first on 1, only the second on 5, neither on 1."""
    first = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    second = np.array([1, 1, 1, 0, 1, 1, 1, 1, 1, 0], bool)
    return first, second


def test_a_difference_is_the_seconds_accuracy_minus_the_firsts(pair):
    result = paired_difference(*pair, confidence=0.95)
    assert result.difference == 0.4
    assert (result.only_first, result.only_second) == (1, 5)


def test_mcnemars_p_value_is_both_tails_of_a_fair_coin(pair):
    # Of 6 discordant images at most 1 on the smaller side: 2 · (1 + 6) / 2⁶.
    assert paired_difference(*pair, confidence=0.95).p_value == pytest.approx(14 / 64)


def test_mcnemars_p_value_is_the_published_one():
    # Airway hyper-responsiveness, 7 against 1 discordant pairs of 21: exact p 0.070 (M. W.
    # Fagerland, S. Lydersen & P. Laake, BMC Medical Research Methodology 13 (2013), 91).
    first = np.array([1] * 1 + [1] * 7 + [0] * 1 + [0] * 12, bool)
    second = np.array([1] * 1 + [0] * 7 + [1] * 1 + [0] * 12, bool)
    result = paired_difference(first, second, confidence=0.95)
    assert result.p_value == pytest.approx(0.0703, abs=5e-5)
    assert result.difference == pytest.approx(-0.286, abs=5e-4)


def test_the_differences_interval_is_walds_with_a_half_added_to_each_cell(pair):
    # b = 1.5, c = 5.5, n = 12: 4/12 ± 1.959964 · √(7 − 16/12) / 12
    result = paired_difference(*pair, confidence=0.95)
    assert result.low == pytest.approx(1 / 3 - 0.388804, abs=1e-6)
    assert result.high == pytest.approx(1 / 3 + 0.388804, abs=1e-6)


def test_exchanging_the_two_turns_the_difference_around(pair):
    one = paired_difference(*pair, confidence=0.95)
    other = paired_difference(*pair[::-1], confidence=0.95)
    assert other.difference == -one.difference
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low))
    assert other.p_value == one.p_value


def test_two_that_never_differ_have_a_p_value_of_1(pair):
    result = paired_difference(pair[0], pair[0], confidence=0.95)
    assert (result.difference, result.p_value) == (0, 1)
    assert result.low == -result.high < 0


@pytest.mark.parametrize("lowest", [1, 3, 6, 12, 20])
def test_the_turning_epoch_of_a_curve_without_noise_is_its_minimum(lowest):
    assert turning_epoch(EPOCHS, bowl(lowest), confidence=0.95) == (
        lowest,
        Interval(lowest, lowest),
    )


def test_a_loss_that_always_falls_turns_at_the_last_epoch():
    lowest, interval = turning_epoch(EPOCHS, 1 / EPOCHS, confidence=0.95)
    assert (lowest, interval.high) == (20, 20)


def test_the_turning_interval_agrees_with_numpys_fit_and_its_covariance():
    losses = bowl(6) + np.random.default_rng(3).normal(0, 0.02, 20)
    lowest, interval = turning_epoch(EPOCHS, losses, confidence=0.95)

    coefficients, covariance = np.polyfit(np.log(EPOCHS), losses, 3, cov=True)
    fitted = np.polyval(coefficients, np.log(EPOCHS))
    powers = np.log(EPOCHS)[:, None] ** [3, 2, 1, 0]
    contrast = powers - powers[fitted.argmin()]
    errors = np.sqrt(np.diag(contrast @ covariance @ contrast.T))
    near = EPOCHS[fitted - fitted.min() <= stats.t.ppf(0.975, 16) * errors]
    assert lowest == EPOCHS[fitted.argmin()]
    assert interval == (near.min(), near.max())
    assert 1 < interval.low < lowest < interval.high < 20  # so that it says something


def test_the_turning_interval_holds_the_true_minimum_as_often_as_it_says():
    rng = np.random.default_rng(0)
    for lowest in (3, 6, 10):
        intervals = [
            turning_epoch(EPOCHS, bowl(lowest) + rng.normal(0, 0.03, 20), confidence=0.95)[1]
            for _ in range(500)
        ]
        held = np.mean([interval.low <= lowest <= interval.high for interval in intervals])
        assert held >= 0.95


def test_less_noise_narrows_the_turning_interval():
    rng = np.random.default_rng(0)
    widths = []
    for noise in (0.003, 0.01, 0.03):
        intervals = [
            turning_epoch(EPOCHS, bowl(6) + rng.normal(0, noise, 20), confidence=0.95)[1]
            for _ in range(200)
        ]
        widths.append(np.mean([interval.high - interval.low for interval in intervals]))
    assert widths[0] < 0.5 < widths[1] < 4 < widths[2] < 12
