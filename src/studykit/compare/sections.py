"""A comparison laid out for people to read: tables, and figures made of characters."""

from dataclasses import dataclass, field

import numpy as np

from studykit.compare import models
from studykit.compare.comparison import Comparison
from studykit.compare.metrics import NOT_COMPARED
from studykit.compare.paired import say_p
from studykit.compare.results import Results
from studykit.compare.text import draw_braille_grid, draw_sparkline
from studykit.compare.wording import (
    is_difference,
    is_share,
    say_change,
    say_difference,
    say_number,
    say_points,
)
from studykit.dotted import bounds

MAX_CELLS = 8  # of the confusion matrices, those that changed most
WORDS = {"noise": "not significant", "small loss": "loss below the threshold", "gone": "removed"}
LOUD = ("moved", "new", "gone")  # judgements of metrics without a test that come first


@dataclass(frozen=True)
class Section:
    """A part of the page: a table, whose first row is its head, or lines of characters.

    Attributes:
        title: what it shows; empty where that needs no saying.
        rows: of the table.
        lines: where it is not a table.
        pictures: caption to path, in place of the lines where pictures can be shown.
        folded: whether it waits for the reader to ask.
    """

    title: str
    rows: list[tuple] = field(default_factory=list)
    lines: str = ""
    pictures: dict[str, str] = field(default_factory=dict)
    folded: bool = True


def make_sections(comparison: Comparison, base: Results, head: Results, *, images: int):
    """Lay out a comparison, what decides first.

    Args:
        comparison: of the two.
        base, head: the results, for what is drawn.
        images: examples shown at most, of each model and each kind.

    Returns:
        list of Section, without empty ones.
    """
    names = ("", comparison.base, comparison.head)
    curves = ("", "before", "last", "after", "last")
    confusions = ("model", "confusion", "before", "after")
    sections = [
        Section("", model_table(comparison), folded=False),
        Section(
            "Claims that changed",
            _table(("claim", "claimed", "before", "after"), _claim_rows(comparison, base, head)),
            folded=False,
        ),
        *_inputs(comparison, names),
        _other_metrics(comparison),
        Section(
            "Data and models with other content",
            _table(names, (_change_row(change, _brief_md5) for change in comparison.contents)),
        ),
        Section("Validation by epoch", _table(curves, _curve_rows(base, head))),
        Section(
            "Confusions that changed most",
            _table(confusions, _confusion_rows(comparison, base, head)),
        ),
        Section(
            "Examples that only one gets right",
            lines="\n\n".join(
                f"{group.title}\n\n{draw_braille_grid(group.images, group.captions)}"
                for group in models.example_groups(comparison, base, head, images=images)
            ),
        ),
    ]
    return [section for section in sections if section.rows or section.lines]


def model_table(comparison):
    """A row per model: the headline metrics, and how the decisive one changed."""
    columns = list(dict.fromkeys(title for each in comparison.models for title in each.metrics))
    if not columns:
        return []
    decisive = columns[:1]
    head = ("", *decisive, "change in points", f"{comparison.confidence:.0%} interval")
    rows = []
    for each in comparison.models:
        cells = [_change_cell(each.metrics.get(column)) for column in columns]
        metric = each.decisive
        difference = "" if metric.judgement == NOT_COMPARED else _difference(metric)
        rows.append(
            (each.model, cells[0], difference, _interval(metric), *cells[1:], judgement(metric))
        )
    return [(*head, *columns[1:], "verdict"), *rows]


def metric_row(metric, known=()):
    """Cells of a metric that no test covers; known are the names of all metrics."""
    share = _is_share(metric, known)
    say = say_points if share and is_difference(metric.name) else say_number
    values = (say(value, share=share) or "–" for value in (metric.before, metric.after))
    change = say_points(metric.difference, share=share)
    return metric.name, *values, change, judgement(metric)


def judgement(metric):
    """A judgement in words, with the p-value of its test."""
    words = WORDS.get(metric.judgement, metric.judgement)
    tested = metric.test and (metric.test.only_first or metric.test.only_second)
    return f"{words}, {say_p(metric.p_value)}" if tested and metric.p_value is not None else words


def _inputs(comparison, names):
    """What differs of what results are made from, and which stages ran again for it."""
    parameters, files = (
        [reason for reason in comparison.reasons if reason.is_file is wanted]
        for wanted in (False, True)
    )
    reruns = ((rerun.stage, ", ".join(rerun.reasons)) for rerun in comparison.reruns)
    yield Section("Parameters", _table(names, map(_change_row, parameters)))
    yield Section("Files", _table(("file", ""), map(_file_row, files)))
    yield Section("Stages that ran again", _table(("stage", "because of"), reruns))


def _other_metrics(comparison):
    """Those that changed and are in no row of a model, nor its interval; what moved first."""
    known = {metric.name for metric in comparison.metrics}
    shown = {
        name
        for each in comparison.models
        for metric in each.metrics.values()
        for name in (metric.name, *bounds(metric.name, known))
    }
    others = [
        metric
        for metric in comparison.metrics
        if metric.name not in shown and metric.judgement != "unchanged"
    ]
    others.sort(key=lambda metric: metric.judgement not in LOUD)
    moved = sum(metric.judgement == "moved" for metric in others)
    beyond = f", {moved} of them beyond their tolerance" if moved else ""
    head = ("metric", "before", "after", "change", "judged")
    rows = (metric_row(metric, known) for metric in others)
    return Section(f"Other metrics that changed{beyond}", _table(head, rows))


def _is_share(metric, known=()):
    return metric.test is not None or is_share(metric.name, (metric.before, metric.after), known)


def _change_cell(metric):
    """A metric before and after; nothing where there is none."""
    if metric is None:
        return ""
    return say_change(metric.before, metric.after, share=_is_share(metric))


def _difference(metric):
    return say_difference(metric.difference, share=_is_share(metric))


def _interval(metric):
    """The interval of a tested difference, in points."""
    if metric.test is None or metric.judgement == "unchanged":
        return ""
    low, high = (say_difference(bound, share=True) for bound in (metric.test.low, metric.test.high))
    return f"[{low}, {high}]"


def _claim_rows(comparison, base, head):
    for change in comparison.claims:
        claims = [results.claims.get(change.name) for results in (base, head)]
        claimed = next(claim.get("claimed") for claim in reversed(claims) if claim)
        yield (
            change.name,
            _claim_value(change.name, claimed),
            *(_verdict(change.name, claim) for claim in claims),
        )


def _verdict(name, claim):
    """A verdict with what was measured."""
    if claim is None:
        return "not claimed"
    return f"{claim['verdict']}: {_claim_value(name, claim.get('measured'))}".removesuffix(": –")


def _claim_value(name, value):
    number = isinstance(value, int | float)
    return say_number(value, share=is_share(name, [value])) if number else str(value or "–")


def _curve_rows(base, head):
    for model in models.changed_histories(base, head):
        histories = base.histories[model], head.histories[model]
        for metric in models.validation_metrics(*histories):
            curves = [history[metric] for history in histories]
            low, high = min(map(min, curves)), max(map(max, curves))
            share = is_share(metric, (low, high))
            cells = (
                (draw_sparkline(curve, low, high), say_number(float(curve.iloc[-1]), share=share))
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


def _file_row(reason):
    changed = "new" if reason.before is None else "removed" if reason.after is None else "changed"
    return reason.name, changed


def _brief_md5(md5):
    return md5[:8]
