"""Tests of paired predictions and intervals, by published and hand-made numbers."""

import numpy as np
import pytest

from studykit.compare.paired import holm, paired_difference, say_p, wilson_interval


@pytest.fixture
def pair():
    """Ten examples: both right on 3, only the first on 1, only the second on 5, neither on 1."""
    first = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    second = np.array([1, 1, 1, 0, 1, 1, 1, 1, 1, 0], bool)
    return first, second


def test_a_difference_is_the_seconds_accuracy_minus_the_firsts(pair):
    result = paired_difference(*pair, confidence=0.95)
    assert result.difference == 0.4
    assert (result.only_first, result.only_second) == (1, 5)


def test_mcnemars_p_value_is_both_tails_of_a_fair_coin(pair):
    # Of 6 discordant examples at most 1 on the smaller side: 2 · (1 + 6) / 2⁶.
    assert paired_difference(*pair, confidence=0.95).p_value == pytest.approx(14 / 64)


def test_mcnemars_p_value_is_the_published_one():
    # Airway hyper-responsiveness, 7 against 1 discordant pairs of 21: exact p 0.070 (M. W.
    # Fagerland, S. Lydersen & P. Laake, BMC Medical Research Methodology 13 (2013), 91).
    first = np.array([1] * 1 + [1] * 7 + [0] * 1 + [0] * 12, bool)
    second = np.array([1] * 1 + [0] * 7 + [1] * 1 + [0] * 12, bool)
    result = paired_difference(first, second, confidence=0.95)
    assert result.p_value == pytest.approx(0.0703, abs=5e-5)


def test_models_that_are_right_on_the_same_examples_do_not_differ():
    result = paired_difference(*[np.array([True, False])] * 2, confidence=0.95)
    assert (result.difference, result.p_value) == (0, 1)


def test_the_differences_interval_is_walds_with_a_half_added_to_each_cell(pair):
    # b = 1.5, c = 5.5, n = 12: 4/12 ± 1.959964 · √(7 − 16/12) / 12
    result = paired_difference(*pair, confidence=0.95)
    assert result.low == pytest.approx(1 / 3 - 0.388804, abs=1e-6)
    assert result.high == pytest.approx(1 / 3 + 0.388804, abs=1e-6)


def test_holm_multiplies_the_smallest_p_value_by_the_number_of_tests():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611)],
)
def test_the_wilson_interval_is_newcombes(successes, trials, low, high):
    interval = wilson_interval(successes, trials, confidence=0.95)
    assert interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("p_value", "said"), [(8.7e-51, "p < 0.001"), (0.00099, "p < 0.001"), (0.0421, "p = 0.042")]
)
def test_a_tiny_p_value_is_said_to_be_below_a_thousandth(p_value, said):
    assert say_p(p_value) == said
