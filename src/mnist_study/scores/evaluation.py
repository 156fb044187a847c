"""Score what a network says of the test images, and choose which of them are shown."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mnist_study.scores import anatomy, calibration, pairs
from mnist_study.scores.confusion import confusion
from mnist_study.scores.uncertainty import paired_difference, wilson_interval

# What the metrics files hold of a net's scores, and of a difference between two: by its key there.
HEADLINE = {"accuracy": "accuracy", "low": "accuracy_low", "high": "accuracy_high", "loss": "loss"}
HEADLINE_OF_PAIRS = {"accuracy": "difference", "low": "low", "high": "high"}
IMPOSSIBLE = np.finfo(np.float64).eps  # the probability that 0 counts as, or one loss is infinite


@dataclass(frozen=True)
class Evaluation:
    """What is known of a network after the test.

    Attributes:
        predictions: pandas.DataFrame, a row per test image, as tabulate returns it.
        classes: pandas.DataFrame, a row per class, as score_classes returns it.
        layers: pandas.DataFrame, a row per layer, of what anatomy.describe_layers returns.
        scores: dict of metrics on the test images.
    """

    predictions: pd.DataFrame
    classes: pd.DataFrame
    layers: pd.DataFrame
    scores: dict

    @property
    def correct(self):
        """Which test images are read right, bool (n,)."""
        return self.predictions["label"] == self.predictions["prediction"]


def evaluate(said, test, params):
    """Score a network on the test images.

    Args:
        said: dict of arrays, what answers.ask returned of it.
        test: Split.
        params: the section evaluate of the parameters.

    Returns:
        Evaluation.
    """
    probabilities = said["probabilities"]
    table = tabulate(probabilities, test.y)
    scores = score(probabilities, test, confidence=params.confidence)
    scores |= calibration.score(
        table, bins=params.calibration_bins, confidence=params.confidence, seed=params.seed
    )
    layers = pd.DataFrame({column: said[column] for column in anatomy.COLUMNS})
    return Evaluation(table, score_classes(table, test.classes), layers, scores)


def sum_up(evaluations, *, confidence):
    """Each net's scores, and how each two nets differ.

    Args:
        evaluations: net to Evaluation.
        confidence: of the differences' intervals, in (0, 1).

    Returns:
        dict: net to test (its scores) and multiply_adds (of one image); and for each two nets
        SECOND_minus_FIRST to the fields of PairedDifference; see scores.pairs.
    """
    differences = {
        f"{second}_minus_{first}": paired_difference(
            evaluations[first].correct, evaluations[second].correct, confidence=confidence
        )._asdict()
        for first, second in pairs(evaluations)
    }
    return {
        net: {"test": each.scores, "multiply_adds": int(each.layers["multiply_adds"].sum())}
        for net, each in evaluations.items()
    } | differences


def headlines(summary):
    """What the metrics files hold of a summary, by file: the values that tell the result.

    Args:
        summary: what sum_up returned.
    """
    nets = {name: found["test"] for name, found in summary.items() if "test" in found}
    of_pairs = {f"pairs/{name}": summary[name] for name in summary if name not in nets}
    kinds = (nets, HEADLINE), (of_pairs, HEADLINE_OF_PAIRS)
    return {
        name: {short: values[key] for short, key in keys.items()}
        for found, keys in kinds
        for name, values in found.items()
    }


def tabulate(probabilities, y):
    """One row per test image, in the order of the file.

    Args:
        probabilities: float32 (n, classes).
        y: uint8 (n,), place of each image's class.

    Returns:
        pandas.DataFrame: label, prediction, and confidence, the predicted class's probability.
    """
    said = {"prediction": probabilities.argmax(axis=1), "confidence": probabilities.max(axis=1)}
    return pd.DataFrame({"label": y} | said)


def score(probabilities, test, *, confidence):
    """Metrics of one network.

    Args:
        probabilities: float32 (n, classes).
        test: Split of n images.
        confidence: of the accuracy's Wilson interval, in (0, 1).

    Returns:
        dict: loss (mean categorical cross-entropy, in nats), accuracy and its interval, and the
        number of errors.
    """
    y = test.y
    correct = int((probabilities.argmax(axis=1) == y).sum())
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
    }


def score_classes(table, classes):
    """Precision, recall and F1 of each class; 0 where they would be shares of none.

    Args:
        table: what tabulate returned.
        classes: their names, by label.

    Returns:
        pandas.DataFrame, a row per class: class (its name), images, precision, recall, f1.
    """
    counts = confusion(table, len(classes))
    right, labelled, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    shares = {
        "precision": right / np.maximum(predicted, 1),
        "recall": right / np.maximum(labelled, 1),
        "f1": 2 * right / np.maximum(labelled + predicted, 1),
    }
    return pd.DataFrame({"class": list(classes), "images": labelled} | shares)


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
