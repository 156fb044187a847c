"""The figures of the stage `report`: which panels, of what."""

import numpy as np
import pandas as pd

from mnist_study.data.mnist import NUM_CLASSES
from mnist_study.report.figures import (
    accuracy,
    architecture,
    confusion,
    cost,
    curves,
    digits,
    filters,
    replication,
)
from mnist_study.report.figures.calibration import draw_reliability
from mnist_study.report.figures.style import NETS, compose, save
from mnist_study.scores import calibration
from mnist_study.scores.uncertainty import wilson_interval

LAYOUTS = {  # what style.compose needs for figures that differ from its defaults
    "accuracy_by_digit": {"size": (7.5, 3.8)},
    "confusion": {"size": (4.4, 4.4)},
    "confusion_errors": {"size": (4.4, 4.4)},
    "convolution": {"size": (4.7, 3.4)},
    "digit": {"size": (4.3, 3.6)},
    "networks": {"size": (8, 3), "columns": 1},
}


def layout(name):
    """How style.compose lays out a figure."""
    return LAYOUTS.get(name, {})


def save_panels(folder, panels):
    """Draw figures that consist of panels into files.

    Args:
        folder: of the files.
        panels: what draw_panels returned.
    """
    for name, drawn in panels.items():
        save(f"{folder}/{name}.png", compose(*drawn.values(), **layout(name)))


def save_digits(folder, results, digits):
    """Draw the grids of test digits into files.

    Args:
        folder: of the files.
        results: Findings.
        digits: what choose_digits returned.
    """
    for name, groups in digits.items():
        save(f"{folder}/{name}.png", draw_digits(results, groups))


def draw_panels(results, *, confidence, bins):
    """Figures that consist of panels.

    Args:
        results: Findings.
        confidence: of the intervals, in (0, 1).
        bins: of confidence, in the reliability diagrams.

    Returns:
        dict: figure to dict of panel to function that draws it on an axis. A panel's name is part
        of its ids on the page.
    """
    first = results.sampled[0]
    label = results.predictions["cnn"]["label"][first]
    panels = {
        "digit": {"digit": lambda axis: digits.draw_digit(axis, results.images[first], label)},
        "convolution": {
            "filters": lambda axis: filters.draw_filters(axis, results.kernels),
            "maps": lambda axis: filters.draw_maps(axis, results.maps, label),
        },
        "accuracy_by_digit": {
            "accuracy_by_digit": lambda axis: accuracy.draw_accuracy_by_digit(
                axis, _by_digit(results, confidence), confidence=confidence
            )
        },
        "cost": {
            "parameters": lambda axis: cost.draw_accuracy_by_parameters(
                axis, _by_parameters(results), confidence=confidence
            ),
            "work": lambda axis: cost.draw_accuracy_by_work(axis, _by_work(results)),
        },
    }
    for name, draw in {
        "networks": lambda net: (
            lambda axis: architecture.draw_network(axis, results.layers[net], net)
        ),
        "confusion": lambda net: (
            lambda axis: confusion.draw_confusion(axis, results.confusion(net), net)
        ),
        "confusion_errors": lambda net: (
            lambda axis: confusion.draw_confusion(axis, results.confusion(net), net, diagonal=False)
        ),
        "calibration": lambda net: (
            lambda axis: draw_reliability(
                axis,
                calibration.bin_by_confidence(
                    results.predictions[net], bins=bins, confidence=confidence
                ),
                net,
                ece=results.metrics["evaluate"][net]["test"]["ece"],
            )
        ),
    }.items():
        panels[name] = {f"{name}-{net}": draw(net) for net in NETS}
    return panels


def draw_replication(results, *, confidence):
    """The figures of the study with other seeds, which the stage `replicate` draws for itself."""
    return replication.draw_panels(
        results.trials,
        results.trial_histories,
        results.metrics["replicate"],
        confidence=confidence,
    )


def draw_histories(results):
    """The panels of the training curves, which the training stages draw for themselves."""
    return {
        f"{net}-{metric}": lambda axis, draw=draw, net=net: draw(axis, results.histories[net], net)
        for net in NETS
        for metric, draw in {"accuracy": curves.draw_accuracy, "loss": curves.draw_loss}.items()
    }


def choose_digits(results, params):
    """Which test digits the grids show.

    Args:
        results: Findings.
        params: the section report, which says how many at most: errors of the CNN; of each net its
            confident_errors, and disagreements, digits that it alone gets right.

    Returns:
        dict: figure to list of title, net whose prediction is shown, and indices.
    """
    wrong = results.wrong("cnn")
    shown = wrong[: params.errors]
    right = len(set(results.sampled) - set(wrong.tolist()))
    return {
        "samples": [
            (f"The CNN reads {right} of {len(results.sampled)} test digits right", "cnn",
             results.sampled)
        ],
        "cnn_errors": [
            (f"{len(shown)} of the {len(wrong)} test digits that the CNN misreads", "cnn", shown)
        ],
        "confident_errors": [
            (f"The {NETS[net]} is surest of these errors", net,
             results.most_confident_errors(net)[: params.confident_errors])
            for net in NETS
        ],
        "disagreements": [
            (f"Only the {NETS[net]} reads these right; shown is what the {NETS[other]} says", other,
             results.only_right(net)[: params.disagreements])
            for net, other in (("cnn", "dense"), ("dense", "cnn"))
        ],
    }  # fmt: skip


def draw_digits(results, groups):
    """A figure of the grids that choose_digits chose."""
    return digits.draw_predictions(
        *(
            (title, [results.images[i] for i in indices], results.predictions[net].loc[indices])
            for title, net, indices in groups
        )
    )


def _by_digit(results, confidence):
    tables = {}
    for net in NETS:
        counts = results.confusion(net)
        right, images = counts.diagonal(), counts.sum(axis=1)
        intervals = [
            wilson_interval(*pair, confidence=confidence)
            for pair in zip(right, images, strict=True)
        ]
        low, high = np.array(intervals).T
        tables[net] = pd.DataFrame(
            {"digit": range(NUM_CLASSES), "accuracy": right / images, "low": low, "high": high}
        )
    return tables


def _by_parameters(results):
    points = {}
    for net in NETS:
        test = results.metrics["evaluate"][net]["test"]
        accuracies = (test["accuracy"], test["accuracy_low"], test["accuracy_high"])
        points[net] = (results.metrics[f"train_{net}"]["parameters"], *accuracies)
    return points


def _by_work(results):
    images = results.metrics["preprocess"]["train"]["images"]
    return {
        net: (
            history["epoch"] * images * results.metrics["evaluate"][net]["multiply_adds"],
            history["val/accuracy"],
        )
        for net, history in results.histories.items()
    }
