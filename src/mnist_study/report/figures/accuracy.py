"""Accuracy by class."""

import numpy as np
from matplotlib.ticker import PercentFormatter

from mnist_study.report.figures.style import MANY, look
from mnist_study.study import NETS


def draw_accuracy_by_class(axis, tables, *, classes, confidence):
    """Share of each class that a net gets right, with its interval.

    Up to twenty classes stand side by side, by label; more stand in rows, the hardest on top.

    Args:
        axis: to draw on.
        tables: net to pandas.DataFrame, a row per class: accuracy, low and high; none where no test
            image is of the class.
        classes: their names, by label.
        confidence: of the intervals, for the label.
    """
    many = len(classes) > MANY
    mean = np.mean([table["accuracy"] for table in tables.values()], axis=0)
    order = np.argsort(mean, kind="stable") if many else np.arange(len(classes))
    for number, (net, table) in enumerate(tables.items()):
        shift = min(0.26, 0.8 / len(tables)) * (number - (len(tables) - 1) / 2)
        accuracy = table["accuracy"].to_numpy()[order]
        half = np.abs(table[["low", "high"]].to_numpy()[order].T - accuracy)
        at = {"y" if many else "x": np.arange(len(order)) + shift}
        at |= {"x": accuracy, "xerr": half} if many else {"y": accuracy, "yerr": half}
        style = {"linestyle": "", "markersize": 5, "elinewidth": 1.2, "capsize": 2}
        axis.errorbar(**at, **style, **look(net), label=NETS[net])
    hardest = {net: _hardest(table, classes) for net, table in tables.items()}
    found = "; ".join(f"the {NETS[net]}: {name}" for net, name in hardest.items() if name)
    axis.set_title(f"Hardest class of {found}" if found else "No class is clearly the hardest")
    shares, names = (axis.xaxis, axis.yaxis) if many else (axis.yaxis, axis.xaxis)
    names.set_label_text("label")
    shares.set_label_text(f"accuracy, with {confidence:.0%} interval")
    shares.set_major_formatter(PercentFormatter(1, decimals=None))
    names.set_ticks(range(len(order)), [classes[label] for label in order])
    names.grid(visible=many)
    axis.margins(**({"y": 1 / len(order)} if many else {"y": 0.14}))
    if many:
        axis.invert_yaxis()
    else:
        turn_long_names(axis, classes)
    axis.figure.legend(loc="outside lower center", ncols=3)


def turn_long_names(axis, classes):
    """Turn the names below an axis, where they are too long to stand side by side."""
    if max(map(len, classes)) > 3:
        axis.tick_params(axis="x", rotation=45)
        for tick in axis.get_xticklabels():
            tick.set(ha="right", rotation_mode="anchor")


def _hardest(table, classes):
    """The class whose whole interval lies below every other's accuracy, if there is one."""
    order = table.sort_values("accuracy")
    lowest, next_lowest = order.iloc[0], order.iloc[1]
    clear = lowest["high"] < next_lowest["accuracy"]
    return classes[order.index[0]] if clear else None
