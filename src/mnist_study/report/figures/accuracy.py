"""Accuracy by class, by confidence and by disturbance. Each function draws on an axis."""

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnist_study.report.figures.style import legend_of_nets, look, of_each
from mnist_study.study import NETS

FOOT = -0.06  # where the counts of a reliability diagram stand


def draw_by_class(axis, tables, *, classes, confidence):
    """Share of each class that a net gets right, with its interval; the hardest class is on top.

    Args:
        tables: net to pandas.DataFrame, a row per class: accuracy, low, high; NaN without images.
        classes: their names, by label.
        confidence: of the intervals, for the label.
    """
    mean = np.mean([table["accuracy"] for table in tables.values()], axis=0)
    order = np.argsort(mean, kind="stable")
    for number, (net, table) in enumerate(tables.items()):
        shift = min(0.26, 0.8 / len(tables)) * (number - (len(tables) - 1) / 2)
        rows = table.iloc[order]
        style = {"linestyle": "", "markersize": 5, "elinewidth": 1.2, "capsize": 2}
        where = {"x": rows["accuracy"], "y": np.arange(len(order)) + shift, "xerr": _half(rows)}
        axis.errorbar(**where, **style, **look(net), label=NETS[net])
    hardest = {net: _hardest(table, classes) for net, table in tables.items()}
    found = "; ".join(f"the {NETS[net]}: {name}" for net, name in hardest.items() if name)
    axis.set_title(f"Hardest class of {found}" if found else "No class is clearly the hardest")
    axis.set(xlabel=f"accuracy, with {confidence:.0%} interval", ylabel="label")
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.xaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axis.set_yticks(range(len(order)), [classes[label] for label in order])
    axis.margins(y=1 / len(order))
    axis.invert_yaxis()
    axis.figure.legend(loc="outside lower center", ncols=legend_of_nets()["ncols"])


def _half(rows):
    """Distances of low and high from accuracy, as errorbar takes them: float (2, n)."""
    return np.abs(rows[["low", "high"]].to_numpy().T - rows["accuracy"].to_numpy())


def _hardest(table, classes):
    """The class whose whole interval lies below every other's accuracy, if there is one."""
    order = table.sort_values("accuracy")
    lowest, next_lowest = order.iloc[0], order.iloc[1]
    return classes[order.index[0]] if lowest["high"] < next_lowest["accuracy"] else None


def draw_reliability(axis, bins, net, *, ece):
    """Accuracy by confidence, with intervals, beside the diagonal of a calibrated net.

    Args:
        bins: pandas.DataFrame, a row per bin that holds an image: images, confidence (the mean),
            accuracy, low and high.
        net: its name.
        ece: its expected calibration error.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML (2017).
    """
    axis.plot([0, 1], [0, 1], color="0.45", linewidth=1, linestyle=":", label="calibrated")
    style = {"fmt": "o", "markersize": 5, "elinewidth": 1, "capsize": 2}
    style |= {"color": look(net)["color"], "label": f"{NETS[net]}, by bin"}
    axis.errorbar(bins["confidence"], bins["accuracy"], yerr=_half(bins), **style)
    for row in bins.itertuples():
        middle = {"ha": "center", "va": "center", "fontsize": 7}
        axis.annotate(f"{row.images:,}", (row.confidence, FOOT), **middle)
    gap = bins["images"] @ (bins["confidence"] - bins["accuracy"])
    manner = "overconfident" if gap > 0 else "underconfident"
    axis.set_title(f"The {NETS[net]} is {manner}: ECE {ece:.2%}")
    axis.set(xlabel="confidence; at the foot, how many test images", ylabel="accuracy")
    axis.set(xlim=(0, 1.04), ylim=(1.6 * FOOT, 1.04))
    for direction in (axis.xaxis, axis.yaxis):
        direction.set_major_formatter(PercentFormatter(1))
    axis.set_yticks(np.linspace(0, 1, 6))
    axis.legend(loc="lower right", bbox_to_anchor=(1, 0.07))


def draw_robustness(axis, table, *, kind, unit):
    """Accuracy on test images that are disturbed more and more, with its interval.

    Args:
        table: pandas.DataFrame of this kind, as scores.robustness.score returned it.
        kind: of disturbance.
        unit: of its amounts, in words.
    """
    ends = {}
    for net, rows in table.groupby("net", sort=False):
        style = {**look(net), "markersize": 4, "label": NETS[net], "gid": net}
        axis.plot(rows["amount"], rows["accuracy"], **style)
        band = {"color": look(net)["color"], "alpha": 0.2, "linewidth": 0}
        axis.fill_between(rows["amount"], rows["low"], rows["high"], **band)
        ends[net] = f"{rows['accuracy'].iloc[-1]:.0%}"
    title = f"{kind.capitalize()} of {table['amount'].max():g}: {of_each(ends, 'all nets')}"
    axis.set(title=title, ylim=(0, 1.02), xlabel=f"{kind}, {unit}", ylabel="accuracy")
    axis.set_xticks(sorted(table["amount"].unique()))
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.legend(**legend_of_nets())
