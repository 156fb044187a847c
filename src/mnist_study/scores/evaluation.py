"""Score what a network says of the test images, and choose which of them are shown."""

import numpy as np
import pandas as pd

from mnist_study.data.mnist import NUM_CLASSES
from mnist_study.scores.uncertainty import wilson_interval

IMPOSSIBLE = np.finfo(np.float64).eps  # the probability that 0 counts as, or one loss is infinite


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


def confusion(table):
    """Count images by what they are and what they are taken for.

    Args:
        table: what tabulate returned.

    Returns:
        int64 (10, 10): by label (row) and prediction (column).
    """
    counts = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    np.add.at(counts, (table["label"].to_numpy(), table["prediction"].to_numpy()), 1)
    return counts


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
    counts = confusion(tabulate(probabilities, y))
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
