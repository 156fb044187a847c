"""What the earlier stages have found, as `report` reads it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from imagesets.catalogue import find
from mnist_study import replication, verdicts
from mnist_study.scores import claims, pairs
from mnist_study.scores.confusion import confusion
from mnist_study.scores.uncertainty import wilson_interval
from mnist_study.study import NETS
from studykit.files import read_json

SCORES = {  # by the name that the page calls it: what the stages found, but for each training
    "claims": "plots/evaluate/claims.json",
    "evaluate": "plots/evaluate/scores.json",
    "preprocess": "plots/preprocess/splits.json",
    "replicate": "plots/replicate/summary.json",
}


@dataclass(frozen=True)
class Findings:
    """Metrics, tables and examples.

    Attributes:
        metrics: content of each file of SCORES, and of the nets' metrics on val, by its name.
        data: dict, what the data set is: title, noun (what an image shows), names of the classes
            by label, height, width, channels (1 or 3), licence, cite, and prepare, of its entry.
        histories: net to pandas.DataFrame, a row per epoch.
        predictions: net to pandas.DataFrame, a row per test image: label, prediction, confidence.
        layers: net to pandas.DataFrame, a row per layer.
        networks: net to its layers with their weights, as stored.read_network returned them.
        first_images: uint8 (classes, n, height, width, channels), the first of each, of train.
        images: index of a test image to uint8 (height, width, channels); of the samples and of
            every error.
        sampled: indices of the samples, in random order.
        trials, trial_histories: pandas.DataFrame, of the study with other seeds.
        differences: how this study differs from what those were measured on, in words.
        decided: the verdicts that count, as verdicts.decide returned them.
        inputs: MD5 of the test images and of each model, by path.
        robustness: pandas.DataFrame, as scores.robustness.score returned it.
    """

    metrics: dict
    data: dict
    histories: dict
    predictions: dict
    layers: dict
    networks: dict
    first_images: np.ndarray
    images: dict
    sampled: list
    trials: pd.DataFrame
    trial_histories: pd.DataFrame
    differences: list
    decided: dict
    inputs: dict
    robustness: pd.DataFrame

    @property
    def classes(self):
        """Names of the classes, by label."""
        return self.data["classes"]

    @property
    def image_shape(self):
        """Height, width and channels of an image."""
        return tuple(self.data[side] for side in ("height", "width", "channels"))

    @property
    def ranked(self):
        """The nets, those first that get most test images right."""
        return sorted(NETS, key=lambda net: -self.metrics["evaluate"][net]["test"]["accuracy"])

    @property
    def replicated(self):
        """The nets of which there are repetitions with other seeds, on the same data set."""
        same = replication.data_name() == self.data["name"]
        return [net for net in NETS if same and net in self.metrics["replicate"]]

    @property
    def numbers(self):
        """All that a page quotes: the metrics, and tables by net and key, as nested dicts."""
        rows = self.robustness.to_dict("records")
        return self.metrics | {
            "history": {net: _by_key(table, "epoch") for net, table in self.histories.items()},
            "layers": {net: _by_key(table, "layer") for net, table in self.layers.items()},
            "robustness": {f"{r['net']} {r['kind']} {r['amount']:g}": r for r in rows},
        }

    def weighted(self, net):
        """The rows of the layers that hold parameters."""
        return self.layers[net].query("parameters > 0")

    def overfits(self, net, confidence):
        """Whether a net gets clearly less of the validation images right than of those of train.

        So it is where the Wilson interval of its last validation accuracy lies below the last
        training accuracy.
        """
        last, images = self.histories[net].iloc[-1], self.metrics["preprocess"]["val"]["images"]
        right = round(last["val/accuracy"] * images)
        interval = wilson_interval(right, images, confidence=confidence)
        return bool(interval.high < last["train/accuracy"])

    @property
    def seed_numbers(self):
        """The seed of each trial's weights, in the order of their names."""
        return self.trials.drop_duplicates("trial").sort_values("trial")["weights_seed"].tolist()

    def seeds(self, net):
        """Of each trial, in the order of their names: float (seeds, epochs), the validation loss
        of a net; and float (seeds,), its test accuracy.
        """
        trials = self.trials[self.trials["net"] == net].sort_values("trial")
        losses = replication.val_losses(self.trial_histories, net)
        return losses, trials["test/accuracy"].to_numpy()

    def pairs(self, name):
        """(first, second) of nets whose difference a file holds."""
        return [(a, b) for a, b in pairs(NETS) if f"{b}_minus_{a}" in self.metrics[name]]

    def correct(self, net):
        """bool (n,): which test images a net gets right."""
        table = self.predictions[net]
        return (table["label"] == table["prediction"]).to_numpy()

    def wrong(self, net):
        """Indices of the test images that a net gets wrong, in the order of the file."""
        return np.flatnonzero(~self.correct(net))

    def most_confident_errors(self, net):
        """The same indices, the most confident first."""
        wrong = self.wrong(net)
        confidences = self.predictions[net]["confidence"].to_numpy()[wrong]
        return wrong[np.argsort(-confidences, kind="stable")]

    def only_right(self, net):
        """Indices of the test images that this net gets right and no other does."""
        others = [self.correct(other) for other in NETS if other != net]
        return np.flatnonzero(self.correct(net) & ~np.any(others, axis=0))

    def confusion(self, net):
        """int (classes, classes): test images by label (row) and prediction (column)."""
        return confusion(self.predictions[net], len(self.classes))

    def errors(self, net):
        """(label, prediction, count) of each error that a net makes, the most frequent first."""
        counts = self.confusion(net)
        np.fill_diagonal(counts, 0)
        made = [(*place, int(counts[tuple(place)])) for place in np.argwhere(counts).tolist()]
        return sorted(made, key=lambda error: -error[-1])


def read_findings(params):
    """Read the outputs of the earlier stages; the test images are not opened.

    Args:
        params: dict of the sections in verdicts.PARAMETERS.
    """
    histories = verdicts.read_histories()
    trials, trial_histories = replication.read_tables()
    examples = _read_arrays("plots/evaluate/examples.npz")
    entry = find(params["data"]["name"])
    stated, metrics = claims.state(entry), {name: read_json(path) for name, path in SCORES.items()}
    metrics["val"] = {net: read_json(f"metrics/val/{net}.json") for net in NETS}
    differences = verdicts.differences(params, trials, trial_histories, histories)
    return Findings(
        metrics=metrics,
        data=read_json("plots/preprocess/data.json") | {"prepare": entry.prepare},
        histories=histories,
        predictions={net: pd.read_csv(f"plots/evaluate/{net}_predictions.csv") for net in NETS},
        layers={net: pd.read_csv(f"plots/evaluate/{net}_layers.csv") for net in NETS},
        networks={net: read_json(f"plots/evaluate/{net}_network.json") for net in NETS},
        first_images=_read_arrays("plots/preprocess/images.npz")["images"],
        images=dict(zip(examples["index"].tolist(), examples["x"], strict=True)),
        sampled=examples["sampled"].tolist(),
        trials=trials,
        trial_histories=trial_histories,
        differences=differences,
        decided=verdicts.decide(stated, metrics["claims"], metrics["replicate"], differences),
        inputs=read_json("plots/evaluate/inputs.json"),
        robustness=pd.read_csv("plots/evaluate/robustness.csv"),
    )


def _by_key(table, key):
    return table.set_index(table[key].astype(str)).to_dict("index")


def _read_arrays(path):
    with np.load(path) as arrays:
        return dict(arrays)
