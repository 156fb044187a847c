"""The figures of the study: which panels, of what. Each is drawn into a file, and on the page."""

from functools import partial

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
from mnist_study.report.figures.style import compose, save
from mnist_study.scores import calibration
from mnist_study.scores.uncertainty import wilson_interval
from mnist_study.study import NETS

LAYOUTS = {  # what style.compose needs for figures that differ from its defaults
    "accuracy_by_digit": {"size": (7.5, 3.8)},
    "confusion_errors": {"size": (4.4, 4.4)},
    "convolution": {"size": (4.7, 3.4)},
    "digit": {"size": (4.3, 3.6)},
    "networks": {"size": (8, 3), "columns": 1},
}


def layout(name):
    """How style.compose lays out a figure."""
    return LAYOUTS.get(name, {})


def write_figures(folder, results, panels, grids):
    """Draw all figures into files.

    Args:
        folder: of the files; those of one net are in a folder of its name.
        results: Findings.
        panels: what draw_panels returned.
        grids: what digits.choose returned.
    """
    save(f"{folder}/digits.png", partial(digits.draw_digits, results.first_digits))
    for name, drawn in panels.items():
        save(f"{folder}/{name}.png", partial(compose, *drawn.values(), **layout(name)))
    for name, groups in grids.items():
        shown = digits.collect(results, groups)
        save(f"{folder}/{name}.png", partial(digits.draw_predictions, *shown))


def draw_panels(results, *, confidence, bins):
    """Figures that consist of panels.

    Args:
        results: Findings.
        confidence: of the intervals, in (0, 1).
        bins: of confidence, in the reliability diagrams.

    Returns:
        dict: figure to dict of panel to functools.partial that draws it on an axis. A panel's name
        is part of its ids on the page.
    """
    return (
        _of_an_image(results)
        | _of_all_nets(results, confidence)
        | _of_each_net(results, confidence, bins)
        | _of_training(results)
        | replication.draw_panels(
            results.trials,
            results.trial_histories,
            results.metrics["replicate"],
            confidence=confidence,
        )
    )


def _of_an_image(results):
    """The first sample, and what the convolution makes of it."""
    first = results.sampled[0]
    label = int(next(iter(results.predictions.values()))["label"][first])
    return {
        "digit": {"digit": partial(digits.draw_digit, image=results.images[first], label=label)},
        "convolution": {
            "filters": partial(filters.draw_filters, kernels=results.kernels),
            "maps": partial(filters.draw_maps, maps=results.maps, label=label),
        },
    }


def _of_all_nets(results, confidence):
    """Panels that hold all nets."""
    return {
        "accuracy_by_digit": {
            "accuracy_by_digit": partial(
                accuracy.draw_accuracy_by_digit,
                tables=_by_digit(results, confidence),
                confidence=confidence,
            )
        },
        "cost": {
            "parameters": partial(
                cost.draw_accuracy_by_parameters,
                points=_by_parameters(results),
                confidence=confidence,
            ),
            "work": partial(cost.draw_accuracy_by_work, curves=_by_work(results)),
        },
    }


def _of_each_net(results, confidence, bins):
    """A panel for each net."""
    figures: dict[str, dict] = {}
    for net in NETS:
        counts = results.confusion(net)
        by_confidence = calibration.bin_by_confidence(
            results.predictions[net], bins=bins, confidence=confidence
        )
        ece = results.metrics["evaluate"][net]["test"]["ece"]
        panels = {
            "networks": partial(architecture.draw_network, layers=results.layers[net]),
            "confusion_errors": partial(confusion.draw_errors, counts=counts),
            "calibration": partial(draw_reliability, bins=by_confidence, ece=ece),
        }
        for name, draw in panels.items():
            figures.setdefault(name, {})[f"{name}-{net}"] = partial(draw, net=net)
    return figures


def _of_training(results):
    """The training curves, a figure for each net."""
    drawn = {"accuracy": curves.draw_accuracy, "loss": curves.draw_loss}
    return {
        f"{net}/curves": {
            f"{net}-{metric}": partial(draw, history=history, net=net)
            for metric, draw in drawn.items()
        }
        for net, history in results.histories.items()
    }


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
