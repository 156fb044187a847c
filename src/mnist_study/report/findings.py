"""What the earlier stages have found, as `report` reads it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mnist_study import replication, verdicts
from mnist_study.scores.confusion import confusion
from mnist_study.study import NETS
from studykit.files import read_json

METRICS = ("claims", "evaluate", "preprocess", "replicate", *(f"train_{net}" for net in NETS))


@dataclass(frozen=True)
class Findings:
    """Metrics, tables and examples.

    Attributes:
        metrics: content of each file in `metrics/`, by its name without suffix.
        histories: net to pandas.DataFrame, a row per epoch.
        predictions: net to pandas.DataFrame, a row per test image: label, prediction, confidence.
        layers: net to pandas.DataFrame, a row per layer.
        first_digits: uint8 (10, n, 28, 28), the first training images of each digit.
        images: index of a test image to uint8 (28, 28); of the samples and of every error.
        sampled: indices of the samples, in random order.
        kernels: float32 (height, width, filters), of the CNN's first convolution.
        maps: float32 (height, width, filters), its answer to the first sample.
        trials, trial_histories: pandas.DataFrame, of the study with other seeds.
        differences: how this study differs from what those were measured on, in words.
        inputs: MD5 of the test images and of each model, by path.
    """

    metrics: dict
    histories: dict
    predictions: dict
    layers: dict
    first_digits: np.ndarray
    images: dict
    sampled: list
    kernels: np.ndarray
    maps: np.ndarray
    trials: pd.DataFrame
    trial_histories: pd.DataFrame
    differences: list
    inputs: dict

    def correct(self, net):
        """bool (n,): which test images a net reads right."""
        table = self.predictions[net]
        return (table["label"] == table["prediction"]).to_numpy()

    def wrong(self, net):
        """Indices of the test images that a net misreads, in the order of the file."""
        return np.flatnonzero(~self.correct(net))

    def most_confident_errors(self, net):
        """The same indices, the most confident first."""
        wrong = self.wrong(net)
        confidences = self.predictions[net]["confidence"].to_numpy()[wrong]
        return wrong[np.argsort(-confidences, kind="stable")]

    def only_right(self, net):
        """Indices of the test images that this net reads right and no other does."""
        others = [self.correct(other) for other in NETS if other != net]
        return np.flatnonzero(self.correct(net) & ~np.any(others, axis=0))

    @property
    def best(self):
        """The net that reads most test images right."""
        return max(NETS, key=lambda net: self.metrics["evaluate"][net]["test"]["accuracy"])

    def confusion(self, net):
        """int (10, 10): test images by label (row) and prediction (column)."""
        return confusion(self.predictions[net])

    def most_common_error(self, net):
        """How often a net makes the mistake that it makes most."""
        counts = self.confusion(net)
        np.fill_diagonal(counts, 0)
        return int(counts.max())


def read_findings(params):
    """Read the outputs of the earlier stages; neither test images nor models are opened.

    Args:
        params: dict of the sections in verdicts.PARAMETERS.
    """
    histories = verdicts.read_histories()
    trials, trial_histories = replication.read_tables()
    with np.load("plots/evaluate/examples.npz") as examples:
        images = dict(zip(examples["index"].tolist(), examples["x"], strict=True))
        sampled = examples["sampled"].tolist()
    with np.load("plots/evaluate/convolution.npz") as convolution:
        kernels, maps = convolution["kernels"], convolution["maps"]
    with np.load("plots/preprocess/digits.npz") as arrays:
        first_digits = arrays["digits"]
    return Findings(
        metrics={name: read_json(f"metrics/{name}.json") for name in METRICS},
        histories=histories,
        predictions={net: pd.read_csv(f"plots/evaluate/{net}_predictions.csv") for net in NETS},
        layers={net: pd.read_csv(f"plots/evaluate/{net}_layers.csv") for net in NETS},
        first_digits=first_digits,
        images=images,
        sampled=sampled,
        kernels=kernels,
        maps=maps,
        trials=trials,
        trial_histories=trial_histories,
        differences=verdicts.differences(params, trials, trial_histories, histories),
        inputs=read_json("plots/evaluate/inputs.json"),
    )
