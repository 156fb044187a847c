"""Accuracy by digit."""

import numpy as np
from matplotlib.ticker import PercentFormatter

from mnist_study.report.figures.style import COLOURS, MARKERS
from mnist_study.study import NETS


def draw_accuracy_by_digit(axis, tables, *, confidence):
    """Share of each digit that is read right, with its interval.

    Args:
        axis: to draw on.
        tables: net to pandas.DataFrame, a row per digit: digit, accuracy, low and high.
        confidence: of the intervals, for the label.
    """
    for place, (net, table) in enumerate(tables.items()):
        shift = 0.26 * (place - (len(tables) - 1) / 2)
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
    found = "; ".join(f"the {NETS[net]}: {_hardest(table)}" for net, table in tables.items())
    axis.set(
        title=f"Hardest digit of {found}",
        xlabel="label",
        ylabel=f"accuracy, with {confidence:.0%} interval",
        xticks=range(len(table)),
    )
    axis.grid(visible=False, axis="x")
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axis.legend(loc="lower left", bbox_to_anchor=(0, 0), ncols=len(tables))
    axis.margins(y=0.14)


def _hardest(table):
    """The digit whose whole interval lies below every other digit's accuracy, if there is one."""
    order = table.sort_values("accuracy")
    lowest, next_lowest = order.iloc[0], order.iloc[1]
    clear = lowest["high"] < next_lowest["accuracy"]
    return f"{lowest['digit']:.0f}" if clear else "none stands out"
