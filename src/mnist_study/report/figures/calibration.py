"""Reliability diagrams."""

import numpy as np
from matplotlib.ticker import PercentFormatter

from mnist_study.report.figures.style import look
from mnist_study.study import NETS

FOOT = -0.06  # where the counts stand


def draw_reliability(axis, bins, net, *, ece):
    """Accuracy by confidence, with intervals, beside the diagonal of a calibrated net.

    Args:
        axis: to draw on.
        bins: pandas.DataFrame, a row per bin that holds an image: images, confidence (the mean),
            accuracy, low and high.
        net: its name.
        ece: its expected calibration error.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML (2017).
    """
    axis.plot([0, 1], [0, 1], color="0.45", linewidth=1, linestyle=":", label="calibrated")
    axis.errorbar(
        bins["confidence"],
        bins["accuracy"],
        yerr=np.abs(bins[["low", "high"]].to_numpy().T - bins["accuracy"].to_numpy()),
        fmt="o",
        markersize=5,
        elinewidth=1,
        capsize=2,
        color=look(net)["color"],
        label=f"{NETS[net]}, by bin",
    )
    for row in bins.itertuples():
        axis.annotate(
            f"{row.images:,}",
            (row.confidence, FOOT),
            fontsize=7,
            ha="center",
            va="center",
        )
    gap = bins["images"] @ (bins["confidence"] - bins["accuracy"])
    manner = "overconfident" if gap > 0 else "underconfident"
    axis.set(
        title=f"The {NETS[net]} is {manner}: ECE {ece:.2%}",
        xlabel="confidence; at the foot, how many test images",
        ylabel="accuracy",
        xlim=(0, 1.04),
        ylim=(1.6 * FOOT, 1.04),
    )
    for direction in (axis.xaxis, axis.yaxis):
        direction.set_major_formatter(PercentFormatter(1))
    axis.set_yticks(np.linspace(0, 1, 6))
    axis.legend(loc="lower right", bbox_to_anchor=(1, 0.07))
