"""Accuracy by digit."""

import numpy as np
from matplotlib.ticker import PercentFormatter

from mnist_study.report.figures.style import COLOURS, MARKERS, NETS


def draw_accuracy_by_digit(axis, tables, *, confidence):
    """Share of each digit that is read right, with its interval.

    Args:
        axis: to draw on.
        tables: net to pandas.DataFrame, a row per digit: digit, accuracy, low and high.
        confidence: of the intervals, for the label.
    """
    for shift, (net, table) in zip((-0.13, 0.13), tables.items(), strict=True):
        accuracy = table["accuracy"].to_numpy()
        axis.errorbar(
            table["digit"] + shift,
            accuracy,
            yerr=np.abs(table[["low", "high"]].to_numpy().T - accuracy),
            fmt=MARKERS[net],
            markersize=5,
            elinewidth=1.2,
            capsize=2,
            color=COLOURS[net],
            label=NETS[net],
        )
    hardest = {net: table["digit"][table["accuracy"].idxmin()] for net, table in tables.items()}
    found = " and ".join(f"{digit} for the {NETS[net]}" for net, digit in hardest.items())
    axis.set(
        title=f"The hardest digit is {found}",
        xlabel="label",
        ylabel=f"accuracy, with {confidence:.0%} interval",
        xticks=range(len(table)),
    )
    axis.grid(visible=False, axis="x")
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axis.legend(loc="lower left", bbox_to_anchor=(0, 0), ncols=len(tables))
    axis.margins(y=0.14)
