"""Score what a network says of the test images, and choose which of them are shown."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from mnist_study.scores import anatomy, calibration
from mnist_study.scores.confusion import confusion
from mnist_study.scores.prediction import predict
from mnist_study.scores.uncertainty import paired_difference, wilson_interval

IMPOSSIBLE = np.finfo(np.float64).eps  # the probability that 0 counts as, or one loss is infinite


@dataclass(frozen=True)
class Evaluation:
    """What is known of a network after the test.

    Attributes:
        predictions: pandas.DataFrame, a row per test image, as tabulate returns it.
        layers: pandas.DataFrame, a row per layer, as anatomy.describe_layers returns it.
        scores: dict of metrics on the test images.
    """

    predictions: pd.DataFrame
    layers: pd.DataFrame
    scores: dict

    @property
    def correct(self):
        """Which test images are read right, bool (n,)."""
        return self.predictions["label"] == self.predictions["prediction"]


def evaluate(model, test, params):
    """Score a network on the test images.

    Args:
        model: keras.Sequential.
        test: Split.
        params: the section evaluate of the parameters.

    Returns:
        Evaluation.
    """
    probabilities = predict(model, test)
    table = tabulate(probabilities, test.y)
    scores = score(probabilities, test.y, confidence=params.confidence)
    scores |= calibration.score(
        table, bins=params.calibration_bins, confidence=params.confidence, seed=params.seed
    )
    return Evaluation(table, anatomy.describe_layers(model), scores)


def metrics(evaluations, *, confidence):
    """What the metrics file holds: each net's scores, and how each two nets differ.

    Args:
        evaluations: net to Evaluation.
        confidence: of the differences' intervals, in (0, 1).

    Returns:
        dict: net to test (its scores) and multiply_adds (of one image); and for each two nets
        SECOND_minus_FIRST to the fields of PairedDifference.
    """
    differences = {
        f"{second}_minus_{first}": paired_difference(
            evaluations[first].correct, evaluations[second].correct, confidence=confidence
        )._asdict()
        for first, second in combinations(evaluations, 2)
    }
    return {
        net: {"test": each.scores, "multiply_adds": int(each.layers["multiply_adds"].sum())}
        for net, each in evaluations.items()
    } | differences


def tabulate(probabilities, y):
    """One row per test image, in the order of the file.

    Args:
        probabilities: float32 (n, 10).
        y: uint8 (n,).

    Returns:
        pandas.DataFrame: label, prediction, and confidence, the predicted digit's probability.
    """
    return pd.DataFrame(
        {
            "label": y,
            "prediction": probabilities.argmax(axis=1),
            "confidence": probabilities.max(axis=1),
        }
    )


def score(probabilities, y, *, confidence):
    """Metrics of one network.

    Args:
        probabilities: float32 (n, 10).
        y: uint8 (n,).
        confidence: of the accuracy's Wilson interval, in (0, 1).

    Returns:
        dict: loss (mean categorical cross-entropy, in nats), accuracy and its interval, the number
        of errors, and precision, recall and F1 per digit.
    """
    counts = confusion(tabulate(probabilities, y), probabilities.shape[1])
    right, labelled, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    correct = int(right.sum())
    interval = wilson_interval(correct, len(y), confidence=confidence)
    normalised = probabilities.astype(np.float64)
    normalised /= normalised.sum(axis=1, keepdims=True)  # float32 rows sum to 1 within 1e-7
    of_the_label = np.maximum(normalised[np.arange(len(y)), y], IMPOSSIBLE)
    return {
        "loss": float(-np.log(of_the_label).mean()),
        "accuracy": correct / len(y),
        "accuracy_low": interval.low,
        "accuracy_high": interval.high,
        "errors": len(y) - correct,
        "precision": _by_digit(right, predicted),
        "recall": _by_digit(right, labelled),
        "f1": _by_digit(2 * right, labelled + predicted),
    }


def choose_examples(tables, *, samples, seed):
    """Choose the test images that the report shows.

    Args:
        tables: what tabulate returned, of each network.
        samples: images chosen at random.
        seed: of that choice.

    Returns:
        int64 (m,), ascending: the indices of the samples and of every image that a network gets
        wrong; and int64 (samples,), those of the samples alone, in random order.
    """
    num_images = len(tables[0])
    order = np.random.default_rng(seed).permutation(num_images)
    sampled = order[:samples]
    wrong = [np.flatnonzero(table["label"] != table["prediction"]) for table in tables]
    return np.unique(np.concatenate([sampled, *wrong])), sampled


def _by_digit(images, of):
    """Shares by digit; that of none is 0."""
    return {str(digit): float(share) for digit, share in enumerate(images / np.maximum(of, 1))}
