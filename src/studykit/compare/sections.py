"""A comparison laid out in sections, for people to read: tables, and figures made of characters."""

from dataclasses import dataclass, field

import numpy as np

from studykit.compare import models
from studykit.compare.comparison import Comparison
from studykit.compare.paired import say_p
from studykit.compare.results import Results
from studykit.compare.text import draw_braille_grid, draw_sparkline

QUIET = ("unchanged", "within tolerance")  # judgements that need no reader
MAX_ROWS = 25  # of a table before the rest is folded away
MAX_CELLS = 8  # of the confusion matrices, those that changed most
SHARES = {"accuracy", "precision", "recall", "f1"}  # words in the names of metrics in per cent
METRIC_HEAD = ("metric", "before", "after", "change", "more than noise?")


@dataclass(frozen=True)
class Section:
    """A part of the page: a table, whose first row is its head, or lines of characters.

    Attributes:
        title: what it shows.
        rows: of the table.
        lines: where it is not a table.
        pictures: caption to path, in place of the lines where pictures can be shown.
        folded: whether it waits for the reader to ask.
    """

    title: str
    rows: list[tuple] = field(default_factory=list)
    lines: str = ""
    pictures: dict[str, str] = field(default_factory=dict)
    folded: bool = False


def make_sections(comparison: Comparison, base: Results, head: Results, *, images: int):
    """Lay out a comparison.

    Args:
        comparison: of the two.
        base, head: the results, for what is drawn.
        images: examples shown at most, of each model and each kind.

    Returns:
        list of Section, without empty ones.
    """
    names = ("", comparison.base, comparison.head)
    shown, rest = split_metrics(comparison.metrics)
    reruns = [(rerun.stage, _list(rerun.reasons)) for rerun in comparison.reruns]
    sections = [
        Section("Metrics", _table(METRIC_HEAD, map(metric_row, shown))),
        Section("Claims", _table(names, map(_change_row, comparison.claims))),
        Section("Parameters", _table(names, map(_change_row, comparison.params))),
        Section("Stages that ran again", _table(("stage", "because of"), reruns)),
        Section(
            "Data sets and models with other content",
            _table(names, (_change_row(change, _brief_md5) for change in comparison.contents)),
        ),
        Section(
            "Validation curves, epoch by epoch",
            _table(("", "before", "last", "after", "last"), _curve_rows(base, head)),
        ),
        Section(
            "Confusions that changed most",
            _table(
                ("model", "confusion", "before", "after"), _confusion_rows(comparison, base, head)
            ),
        ),
        *(
            Section(group.title, lines=draw_braille_grid(group.images, group.captions))
            for group in models.example_groups(comparison, base, head, images=images)
        ),
        Section(
            f"{len(rest)} other metrics", _table(METRIC_HEAD, map(metric_row, rest)), folded=True
        ),
    ]
    return [section for section in sections if section.rows or section.lines]


def split_metrics(metrics):
    """The metrics to show, the most important first, and the rest."""
    loud = [metric for metric in metrics if metric.judgement not in QUIET]
    shown = sorted(loud, key=_importance)[:MAX_ROWS]
    names = {metric.name for metric in shown}
    return shown, [metric for metric in metrics if metric.name not in names]


def _importance(metric):
    """Sorts what is tested first, then accuracies and losses, then the rest."""
    headline = metric.name.endswith(("accuracy", "loss"))
    return metric.test is None, not headline, metric.name.count(".")


def metric_row(metric):
    """Cells of a metric: shares are in per cent, their differences in points."""
    share = metric.test is not None or _is_share(metric)
    before, after = (_number(value, share) for value in (metric.before, metric.after))
    return metric.name, before, after, _difference(metric, share), _judgement(metric)


def _difference(metric, share):
    if metric.difference is None:
        return ""
    if not metric.difference:
        return "0"
    if not share:
        return _sign(f"{metric.difference:+.3g}")
    points = f"{100 * metric.difference:+.2f} points"
    if metric.test is None:
        return _sign(points)
    low, high = (f"{100 * bound:+.2f}" for bound in (metric.test.low, metric.test.high))
    return _sign(f"{points} [{low}, {high}]")


def _judgement(metric):
    test = metric.test
    if test is None or not (test.only_first or test.only_second):
        return metric.judgement
    p_value = "" if metric.p_value is None else f"{say_p(metric.p_value)}; "
    counts = f"{test.only_first} examples lost, {test.only_second} won"
    return f"{metric.judgement}: {p_value}{counts}"


def _is_share(metric):
    """Whether a metric is one that is told in per cent: by its name, and by its values."""
    words = set(metric.name.replace("_", ".").split("."))
    values = [value for value in (metric.before, metric.after) if value is not None]
    return bool(words & SHARES) and all(0 <= value <= 1 for value in values)


def _curve_rows(base, head):
    for model in models.changed_histories(base, head):
        histories = base.histories[model], head.histories[model]
        for metric in models.validation_metrics(*histories):
            curves = [history[metric] for history in histories]
            low, high = min(map(min, curves)), max(map(max, curves))
            share = bool(set(metric.replace("_", "/").split("/")) & SHARES)
            cells = (
                (draw_sparkline(curve, low, high), _number(float(curve.iloc[-1]), share))
                for curve in curves
            )
            yield f"{model} {metric}", *(cell for pair in cells for cell in pair)


def _confusion_rows(comparison, base, head):
    cells = []
    for flips in comparison.flips:
        tables = (results.predictions[flips.model] for results in (base, head))
        classes, before, after = models.confusions(*tables)
        for label, prediction in np.argwhere(before != after).tolist():
            if label != prediction:
                counts = int(before[label, prediction]), int(after[label, prediction])
                taken = f"{classes[label]} taken for {classes[prediction]}"
                cells.append((flips.model, taken, *counts))
    cells.sort(key=lambda cell: -abs(cell[3] - cell[2]))
    yield from (tuple(map(str, cell)) for cell in cells[:MAX_CELLS])


def _table(head, rows):
    """A table, or nothing where it would have no row."""
    rows = list(rows)
    return [head, *rows] if rows else []


def _change_row(change, show=str):
    values = (change.before, change.after)
    return change.name, *("–" if value is None else show(value) for value in values)


def _brief_md5(md5):
    return md5[:8]


def _list(reasons):
    return ", ".join(reasons[:4]) + (f" and {len(reasons) - 4} more" if reasons[4:] else "")


def _number(value, share):
    if value is None:
        return "–"
    if share:
        return f"{value:.2%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.5g}"


def _sign(text):
    return text.replace("-", "−")
