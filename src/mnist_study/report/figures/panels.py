"""The figures of the study: which panels, of what. Each is drawn into a file, and on the page."""

from functools import partial

import numpy as np
import pandas as pd

from mnist_study.report.figures import (
    accuracy,
    architecture,
    confusion,
    cost,
    curves,
    filters,
    pictures,
    replication,
)
from mnist_study.report.figures.calibration import draw_reliability
from mnist_study.report.figures.style import MANY, compose, labels, save
from mnist_study.scores import calibration
from mnist_study.scores.uncertainty import wilson_interval
from mnist_study.study import NETS


def layout(name, results):
    """How style.compose lays out a figure, where it differs from its defaults."""
    number, names = len(results.classes), 0.07 * max(map(len, labels(results.classes)))  # inches
    many = number > MANY
    row = 0.1 + 0.05 * len(NETS)
    side = max(3.3, (0.19 if many else 0.32) * number) + names
    layers = [len([*architecture.stations(t, results.image_shape)]) for t in results.layers.values()]
    layouts = {
        "accuracy_by_class": {"size": (7.5, 1.5 + row * number if many else 3.8 + names)},
        "confusion_errors": {"size": (side + (2 if many else 1), side + 1.3), "columns": 1 if number > 10 else 2},
        "convolution": {"size": (4.7, 3.4)},
        "cost": {"size": (4.5, 3.6 + 0.1 * len(NETS))},
        "image": {"size": (4.3, 3.6)},
        "networks": {"size": (max(8, 0.45 * max(layers)), 3), "columns": 1},
    }
    return layouts.get(name, {})


def write_figures(folder, results, panels, grids):
    """Draw all figures into files.

    Args:
        folder: of the files; those of one net are in a folder of its name.
        results: Findings.
        panels: what draw_panels returned.
        grids: what pictures.choose returned.
    """
    named = {"classes": labels(results.classes), "noun": results.data["noun"]}
    save(f"{folder}/images.png", partial(pictures.draw_images, results.first_images, **named))
    for name, drawn in panels.items():
        save(f"{folder}/{name}.png", partial(compose, *drawn.values(), **layout(name, results)))
    for name, groups in grids.items():
        shown = pictures.collect(results, groups)
        save(f"{folder}/{name}.png", partial(pictures.draw_predictions, *shown))


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
        | replication.draw_panels(results, confidence=confidence)
    )


def _of_an_image(results):
    """The first sample, and what a first convolution makes of it."""
    first = results.sampled[0]
    table = next(iter(results.predictions.values()))
    label = labels(results.classes)[table["label"][first]]
    shown = {"image": results.images[first], "label": label, "noun": results.data["noun"]}
    panels = {"image": {"image": partial(pictures.draw_image, **shown)}}
    if seen := results.convolution:
        panels["convolution"] = {
            "filters": partial(filters.draw_filters, kernels=seen["kernels"]),
            "maps": partial(filters.draw_maps, maps=seen["maps"], label=label),
        }
    return panels


def _of_all_nets(results, confidence):
    """Panels that hold all nets."""
    by_class = {
        "tables": {net: _by_class(results.confusion(net), confidence) for net in NETS},
        "classes": labels(results.classes),
        "confidence": confidence,
    }
    by_parameters = {"points": _by_parameters(results), "confidence": confidence}
    return {
        "accuracy_by_class": {
            "accuracy_by_class": partial(accuracy.draw_accuracy_by_class, **by_class)
        },
        "cost": {
            "parameters": partial(cost.draw_accuracy_by_parameters, **by_parameters),
            "work": partial(cost.draw_accuracy_by_work, curves=_by_work(results)),
        },
    }


def _of_each_net(results, confidence, bins):
    """A panel for each net."""
    figures: dict[str, dict] = {}
    classes, shape = labels(results.classes), results.image_shape
    for net in NETS:
        counts, layers = results.confusion(net), results.layers[net]
        by_confidence = calibration.bin_by_confidence(
            results.predictions[net], bins=bins, confidence=confidence
        )
        ece = results.metrics["evaluate"][net]["test"]["ece"]
        panels = {
            "networks": partial(architecture.draw_network, layers=layers, image_shape=shape),
            "confusion_errors": partial(confusion.draw_errors, counts=counts, classes=classes),
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


def _by_class(counts, confidence):
    rows = [
        (right / images, *wilson_interval(right, images, confidence=confidence))
        if images
        else (np.nan, np.nan, np.nan)
        for right, images in zip(counts.diagonal(), counts.sum(axis=1), strict=True)
    ]
    return pd.DataFrame(rows, columns=["accuracy", "low", "high"])


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
