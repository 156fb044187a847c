"""Accuracy against what it costs."""

from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnist_study.report.figures.style import COLOURS, MARKERS
from mnist_study.study import NETS


def draw_accuracy_by_parameters(axis, points, *, confidence):
    """Test accuracy against the number of parameters.

    Args:
        axis: to draw on.
        points: net to (parameters, accuracy, low, high).
        confidence: of the intervals, for the label.
    """
    sizes, accuracies, *_ = zip(*points.values(), strict=True)
    for net, (parameters, accuracy, low, high) in points.items():
        axis.errorbar(
            parameters,
            accuracy,
            yerr=[[accuracy - low], [high - accuracy]],
            fmt=MARKERS[net],
            capsize=3,
            color=COLOURS[net],
        )
        axis.annotate(
            f"{NETS[net]}, {parameters:,}",
            (parameters, accuracy),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
        )
    axis.set(
        title=f"{_ratio(sizes)} the parameters: {_gain(accuracies)} points",
        xlabel="parameters",
        ylabel=f"test accuracy, with {confidence:.0%} interval",
    )
    axis.set_xlim(0, 1.55 * max(sizes))
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axis.margins(y=0.15)


def draw_accuracy_by_work(axis, curves):
    """Validation accuracy against the arithmetic spent on training.

    The time that training takes differs from one run to the next, so this counts instead what it
    is roughly proportional to: multiply–accumulates of the forward passes.

    Args:
        axis: to draw on.
        curves: net to (multiply–accumulates until the end of each epoch, validation accuracies).
    """
    for net, (work, accuracies) in curves.items():
        axis.plot(
            work, accuracies, marker=MARKERS[net], markersize=4, color=COLOURS[net], label=NETS[net]
        )
    works, finals = zip(*((w.iloc[-1], a.iloc[-1]) for w, a in curves.values()), strict=True)
    axis.set(
        title=f"{_ratio(works)} the training work: {_gain(finals)} points",
        xlabel="multiply–accumulates, forward passes",
        ylabel="validation accuracy",
        xscale="log",
    )
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axis.legend(loc="lower right")


def _ratio(pair):
    """How many times the first the second is."""
    return f"{pair[1] / pair[0]:.2g} ×"


def _gain(pair):
    """By how many percentage points the second is above the first."""
    return f"{100 * (pair[1] - pair[0]):+.1f}"
