"""The figures of the study: which panels, of what. Each is drawn into a file, and on the page."""

from functools import partial

import pandas as pd

from imagesets.disturbances import UNITS
from mnist_study.replication import mean_curve
from mnist_study.report.figures import accuracy, curves, networks, pictures
from mnist_study.report.figures.style import PANEL, compose, labels, save
from mnist_study.scores.calibration import bin_by_confidence
from mnist_study.scores.uncertainty import wilson_interval
from mnist_study.study import NETS


def size_of(name, results):
    """Width and height of a figure's panels, in inches."""
    width, height = PANEL
    heights = {
        "accuracy_by_class": 1.7 + (0.1 + 0.05 * len(NETS)) * len(results.classes),
        "networks": 0.5 + 0.038 * _tallest(results),
        "curves": 3.4 + 0.1 * len(NETS),
        "robustness": 2.8 + 0.1 * len(NETS),
    }
    return width, heights.get(name, height)


def write_figures(folder, results, panels, grids):
    """Draw all figures into files.

    Args:
        folder: of the files; those of one net are in a folder of its name.
        results: Findings.
        panels: what draw_panels returned.
        grids: what pictures.choose returned.
    """
    for name, drawn in panels.items():
        figure = partial(compose, *drawn.values(), size=size_of(name, results))
        save(f"{folder}/{name}.png", figure)
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
    figures = _of_all_nets(results, confidence)
    for net in NETS:
        panels = _of_a_net(results, net, confidence, bins)
        if net in results.replicated:
            panels |= _over_seeds(results, net, confidence)
        for (figure, panel), draw in panels.items():
            figures.setdefault(figure, {})[panel] = partial(draw, net=net)
        figures[f"{net}/curves"] = _curves(net, {net: results.histories[net]})
    return figures


def _of_all_nets(results, confidence):
    """Panels that hold all nets."""
    classes, disturbed = labels(results.classes), results.robustness.groupby("kind", sort=False)
    tables = {net: _by_class(results.confusion(net), confidence) for net in NETS}
    by_class = partial(accuracy.draw_by_class, tables=tables, classes=classes)
    return {
        "curves": _curves("all", results.histories),
        "robustness": {
            f"robustness-{kind}": partial(
                accuracy.draw_robustness, table=table, kind=kind, unit=UNITS[kind]
            )
            for kind, table in disturbed
        },
        "accuracy_by_class": {"accuracy_by_class": partial(by_class, confidence=confidence)},
    }


def _curves(name, histories):
    return {
        f"{name}-accuracy": partial(curves.draw_accuracy, histories=histories),
        f"{name}-loss": partial(curves.draw_loss, histories=histories),
    }


def _tallest(results):
    """Height of the tallest drawing of a net."""
    return max(networks.measure(each, results.image_shape) for each in results.layers.values())


def _by_class(counts, confidence):
    rows = {
        label: (right / images, *wilson_interval(right, images, confidence=confidence))
        for label, (right, images) in enumerate(zip(counts.diagonal(), counts.sum(1), strict=True))
        if images
    }
    columns = ["accuracy", "low", "high"]
    return pd.DataFrame.from_dict(rows, "index", columns=columns).reindex(range(len(counts)))


def _of_a_net(results, net, confidence, bins):
    """Its panels, by figure and panel; each still takes the net."""
    binned = bin_by_confidence(results.predictions[net], bins=bins, confidence=confidence)
    ece, image = results.metrics["evaluate"][net]["test"]["ece"], results.images[results.sampled[0]]
    seen = {"layers": results.layers[net], "image": image, "height": _tallest(results)}
    reliability = partial(accuracy.draw_reliability, bins=binned, ece=ece)
    return {
        ("networks", f"networks-{net}"): partial(networks.draw_network, **seen),
        ("calibration", f"calibration-{net}"): reliability,
    }


def _over_seeds(results, net, confidence):
    """The same of its repetitions with other seeds."""
    summary, (losses, accuracies) = results.metrics["replicate"], results.seeds(net)
    loss = {"losses": losses, "curve": mean_curve(losses, confidence=confidence)}
    claim, turn = (summary["claims"].get(f"{net}_{of}") for of in ("accuracy", "overfit_epoch"))
    seeds = {"accuracies": accuracies, "mean": summary[net]["test"]["accuracy"], "claim": claim}
    return {
        ("seeds_accuracy", f"seeds-accuracy-{net}"): partial(curves.draw_seeds, **seeds),
        ("seeds_loss", f"seeds-loss-{net}"): partial(curves.draw_mean_loss, turn=turn, **loss),
    }
