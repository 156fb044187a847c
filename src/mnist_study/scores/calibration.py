"""Whether a confidence can be believed: of images read with 80 %, are 80 % read right?"""

import numpy as np
import pandas as pd

from mnist_study.scores.uncertainty import wilson_interval

DRAWS = 1000  # of the answers of a calibrated network


def bin_by_confidence(table, *, bins, confidence):
    """Accuracy by confidence, in bins of equal width.

    Args:
        table: pandas.DataFrame with label, prediction and confidence.
        bins: how many.
        confidence: of each accuracy's interval, in (0, 1).

    Returns:
        pandas.DataFrame, a row per bin that holds an image: images, confidence (the mean), accuracy
        and its interval's low and high.
    """
    rows = []
    for _, part in table.groupby(_bin(table["confidence"].to_numpy(), bins)):
        correct = int((part["label"] == part["prediction"]).sum())
        interval = wilson_interval(correct, len(part), confidence=confidence)
        mean = part["confidence"].astype(np.float64).mean()
        rows.append((len(part), mean, correct / len(part), *interval))
    return pd.DataFrame(rows, columns=["images", "confidence", "accuracy", "low", "high"])


def score(table, *, bins, confidence, seed):
    """The expected calibration error, and what of it is chance.

    Args:
        table: pandas.DataFrame with label, prediction and confidence.
        bins: how many, of equal width.
        confidence: share of calibrated networks of these confidences that stay below the bound.
        seed: of the draws of their answers.

    Returns:
        dict: mean_confidence; ece, the mean distance between confidence and accuracy, bins weighted
        by their images; and ece_by_chance, the bound.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML (2017); the bound by
    consistency resampling, J. Bröcker & L. A. Smith, Weather and Forecasting 22 (2007).
    """
    confidences = table["confidence"].to_numpy().astype(np.float64)
    correct = (table["label"] == table["prediction"]).to_numpy()
    numbers = _bin(confidences, bins)

    def error(answers):
        gaps = np.bincount(numbers, weights=confidences - answers, minlength=bins)
        return float(np.abs(gaps).sum() / len(confidences))

    draw = np.random.default_rng(seed).random
    by_chance = [error(draw(len(confidences)) < confidences) for _ in range(DRAWS)]
    return {
        "mean_confidence": float(confidences.mean()),
        "ece": error(correct),
        "ece_by_chance": float(np.quantile(by_chance, confidence)),
    }


def _bin(confidences, bins):
    return np.minimum((confidences * bins).astype(int), bins - 1)
