"""Expected calibration error, by hand."""

import numpy as np
import pandas as pd
import pytest

from mnist_study.scores import calibration


def table(confidences, correct):
    return pd.DataFrame(
        {"label": 1, "prediction": np.where(correct, 1, 2), "confidence": confidences}
    )


def score(data, seed=0):
    return calibration.score(data, bins=10, confidence=0.95, seed=seed)


def test_the_error_is_the_mean_gap_weighted_by_images():
    data = table([0.95, 0.95, 0.55, 0.55], [True, False, True, True])
    # |0.95 - 0.5| over two images, |0.55 - 1| over two
    assert score(data)["ece"] == pytest.approx(0.45)
    assert score(data)["mean_confidence"] == pytest.approx(0.75)


def test_certain_and_right_has_no_error():
    found = score(table([1.0, 1.0], [True, True]))
    assert found == {"mean_confidence": 1.0, "ece": 0.0, "ece_by_chance": 0.0}


def test_gaps_of_opposite_sign_in_one_bin_cancel():
    assert score(table([0.9, 0.9] * 5, [True] * 9 + [False]))["ece"] == pytest.approx(0)


def test_a_calibrated_net_stays_below_the_bound_as_often_as_it_says():
    rng = np.random.default_rng(1)
    below = []
    for seed in range(200):
        confidences = rng.uniform(0.5, 1, 300)
        found = score(table(confidences, rng.random(300) < confidences), seed)
        below.append(found["ece"] <= found["ece_by_chance"])
    assert 0.9 <= np.mean(below) <= 0.99


def test_bins_are_of_equal_width_and_the_empty_ones_left_out():
    data = table([0.31, 0.39, 0.95, 1.0], [True, False, True, True])
    bins = calibration.bin_by_confidence(data, bins=10, confidence=0.95)
    assert bins["images"].tolist() == [2, 2]
    assert bins["confidence"].tolist() == pytest.approx([0.35, 0.975])
    assert bins["accuracy"].tolist() == [0.5, 1.0]
    assert (bins["low"] <= bins["accuracy"]).all()
    assert (bins["high"] >= bins["accuracy"]).all()
