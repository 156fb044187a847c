"""Accuracy against what it costs."""

from matplotlib.ticker import MaxNLocator, PercentFormatter

from mnist_study.report.figures.style import BELOW, look
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
            linestyle="",
            capsize=3,
            label=f"{NETS[net]}, {parameters:,}",
            **look(net),
        )
    axis.set(
        title=_compare(sizes, accuracies, "parameters"),
        xlabel="parameters",
        ylabel=f"test accuracy, with {confidence:.0%} interval",
    )
    axis.set_xlim(0, 1.1 * max(sizes))
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.xaxis.set_major_locator(MaxNLocator(4))
    _finish(axis)
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
        axis.plot(work, accuracies, markersize=4, label=NETS[net], **look(net))
    works, finals = zip(*((w.iloc[-1], a.iloc[-1]) for w, a in curves.values()), strict=True)
    axis.set(
        title=_compare(works, finals, "training work"),
        xlabel="multiply–accumulates, forward passes",
        ylabel="validation accuracy",
        xscale="log",
    )
    _finish(axis)


def _finish(axis):
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axis.legend(**BELOW, ncols=2)  # beside the points, the names of two near ones would overlap


def _compare(costs, accuracies, what):
    """Of two nets, how many times the first's cost the second's is, and what is gained by it."""
    if len(costs) != 2:
        return f"Accuracy by {what}"
    ratio, gain = costs[1] / costs[0], 100 * (accuracies[1] - accuracies[0])
    return f"{ratio:.2g} × the {what}: {gain:+.1f} points"
