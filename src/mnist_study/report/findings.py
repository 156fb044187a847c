"""What the earlier stages have found, as `report` reads it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mnist_study.scores import replication
from mnist_study.scores.evaluation import confusion
from studykit.files import read_json

NETS = ("dense", "cnn")
METRICS = ("claims", "evaluate", "preprocess", "replicate", "train_cnn", "train_dense")


@dataclass(frozen=True)
class Findings:
    """Metrics, tables and examples.

    Attributes:
        metrics: content of each file in `metrics/`, by its name without suffix.
        histories: net to pandas.DataFrame, a row per epoch.
        predictions: net to pandas.DataFrame, a row per test image: label, prediction, confidence.
        layers: net to pandas.DataFrame, a row per layer.
        images: index of a test image to uint8 (28, 28); of the samples and of every error.
        sampled: indices of the samples, in random order.
        kernels: float32 (height, width, filters), of the CNN's first convolution.
        maps: float32 (height, width, filters), its answer to the first sample.
        trials, trial_histories: pandas.DataFrame, of the study with other seeds.
        inputs: MD5 of the test images and of each model, by path.
    """

    metrics: dict
    histories: dict
    predictions: dict
    layers: dict
    images: dict
    sampled: list
    kernels: np.ndarray
    maps: np.ndarray
    trials: pd.DataFrame
    trial_histories: pd.DataFrame
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
        """Indices of the test images that this net reads right and the other does not."""
        (other,) = set(NETS) - {net}
        return np.flatnonzero(self.correct(net) & ~self.correct(other))

    def confusion(self, net):
        """int (10, 10): test images by label (row) and prediction (column)."""
        return confusion(self.predictions[net])

    def most_common_error(self, net):
        """How often a net makes the mistake that it makes most."""
        counts = self.confusion(net)
        np.fill_diagonal(counts, 0)
        return int(counts.max())


def read_findings():
    """Read the outputs of the earlier stages; neither test images nor models are opened."""
    with np.load("plots/evaluate/examples.npz") as examples:
        images = dict(zip(examples["index"].tolist(), examples["x"], strict=True))
        sampled = examples["sampled"].tolist()
    with np.load("plots/evaluate/convolution.npz") as convolution:
        kernels, maps = convolution["kernels"], convolution["maps"]
    return Findings(
        metrics={name: read_json(f"metrics/{name}.json") for name in METRICS},
        histories={net: pd.read_csv(f"plots/train_{net}/history.csv") for net in NETS},
        predictions={net: pd.read_csv(f"plots/evaluate/{net}_predictions.csv") for net in NETS},
        layers={net: pd.read_csv(f"plots/evaluate/{net}_layers.csv") for net in NETS},
        images=images,
        sampled=sampled,
        kernels=kernels,
        maps=maps,
        trials=pd.read_csv(replication.TRIALS),
        trial_histories=pd.read_csv(replication.HISTORIES),
        inputs=read_json("plots/evaluate/inputs.json"),
    )
