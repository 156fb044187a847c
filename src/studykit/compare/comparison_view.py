"""A comparison for people: the same sections as text for a terminal and as Markdown."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from mnist_study.data.mnist import NUM_CLASSES
from studykit.compare.comparison import INCOMPARABLE, LOSS, Comparison, say_p
from studykit.compare.results import Results
from studykit.compare.text import draw_braille_grid, draw_sparkline

TITLES = {LOSS: "a loss", INCOMPARABLE: "not comparable"}  # by exit status
QUIET = ("unchanged", "within tolerance")  # judgements that need no reader
MAX_ROWS = 25  # of a table before the rest is folded away
MARKS = {ord(mark): f"&#{ord(mark)};" for mark in "&\\`*|<>[]@#~"}
MAX_CELLS = 8  # of the confusion matrices, those that changed most


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


def to_text(comparison: Comparison, sections: list[Section], *, everything: bool) -> str:
    """For a terminal.

    Args:
        comparison: what the sections are of.
        sections: of the page.
        everything: whether to unfold what is folded.
    """
    parts = [f"{comparison.base} → {comparison.head}", *map(_sentence, comparison.notes)]
    for section in sections:
        if section.folded and not everything:
            parts.append(f"{section.title}: --all shows them")
        else:
            body = _align(section.rows) if section.rows else section.lines
            pictures = [f"{caption}: {path}" for caption, path in section.pictures.items()]
            parts.append("\n".join([section.title, body, *pictures]))
    return "\n\n".join([*parts, comparison.verdict])


def to_markdown(comparison: Comparison, sections: list[Section]) -> str:
    """For a comment or a job's summary; what is long waits behind a line that unfolds it."""
    parts = [
        f"### Results: {TITLES.get(comparison.status, 'no significant loss')}",
        f"**{_escape(comparison.verdict)}**",
        f"{_escape(comparison.base)} → {_escape(comparison.head)}",
        *(_escape(_sentence(note)) for note in comparison.notes),
    ]
    for section in sections:
        title = _escape(section.title)
        if section.pictures:
            body = "\n\n".join(
                f"![{_escape(text)}]({path})" for text, path in section.pictures.items()
            )
        else:
            body = _pipes(section.rows) if section.rows else f"```text\n{section.lines}\n```"
        if section.folded or not section.rows:
            parts.append(f"<details><summary>{title}</summary>\n\n{body}\n\n</details>")
        else:
            parts.append(f"#### {title}\n\n{body}")
    return "\n\n".join(parts)


def refuse(reason: str) -> str:
    """The Markdown of a comparison that could not begin."""
    return f"### Results: {TITLES[INCOMPARABLE]}\n\n**{_escape(reason)}**"


def make_sections(comparison: Comparison, base: Results, head: Results, *, images: int):
    """Lay out a comparison.

    Args:
        comparison: of the two.
        base, head: the results, for what is drawn.
        images: digits shown at most, of each net and each kind.

    Returns:
        list of Section, without empty ones.
    """
    labels = (comparison.base, comparison.head)
    head_row = ("", *labels)
    loud = [metric for metric in comparison.metrics if metric.judgement not in QUIET]
    loud.sort(key=_importance)
    shown = loud[:MAX_ROWS]
    names = {metric.name for metric in shown}
    rest = [metric for metric in comparison.metrics if metric.name not in names]
    metric_head = ("metric", "before", "after", "change", "more than noise?")
    sections = [
        Section("Metrics", [metric_head, *map(_metric_row, shown)] if shown else []),
        Section("Claims", _change_rows(head_row, comparison.claims)),
        Section("Parameters", _change_rows(head_row, comparison.params)),
        Section(
            "Stages that ran again",
            [
                ("stage", "because of"),
                *((run.stage, _list(run.reasons)) for run in comparison.reruns),
            ]
            if comparison.reruns
            else [],
        ),
        Section(
            "Data sets and models with other content",
            _change_rows(head_row, comparison.contents, lambda md5: md5 and md5[:8]),
        ),
        Section("Validation curves, epoch by epoch", list(_curve_rows(base, head))),
        Section("Confusions that changed most", list(_confusion_rows(comparison, base, head))),
        *(
            Section(title, lines=draw_braille_grid(*digits))
            for title, digits in digit_groups(comparison, base, head, images=images)
        ),
        Section(
            f"{len(rest)} other metrics",
            [metric_head, *map(_metric_row, rest)] if rest else [],
            folded=True,
        ),
    ]
    return [section for section in sections if section.rows or section.lines]


def digit_groups(comparison, base, head, *, images) -> Iterator[tuple[str, tuple[list, list]]]:
    """Digits that only one revision's net gets right.

    Yields:
        A title, and the images with a caption for each: the label, and the predictions before and
        after.
    """
    known = base.images | head.images
    for flips in comparison.flips:
        for label, indices in ((comparison.base, flips.broken), (comparison.head, flips.mended)):
            shown = [index for index in indices if index in known][:images]
            if not shown:
                continue
            before, after = (results.predictions[flips.net] for results in (base, head))
            captions = [
                f"{before['label'][index]}: {before['prediction'][index]}"
                f" → {after['prediction'][index]}"
                for index in shown
            ]
            some = f"{len(shown)} of the " if len(shown) < len(indices) else ""
            digits = "digit" if len(indices) == 1 else "digits"
            title = f"{flips.net}: {some}{len(indices)} {digits} that only {label} gets right"
            yield title, ([known[index] for index in shown], captions)


def changed_histories(base, head):
    """The nets whose curves are in both revisions and differ."""
    nets = (net for net in head.histories if net in base.histories)
    return [net for net in nets if not base.histories[net].equals(head.histories[net])]


def confusion(predictions):
    """Images by label and prediction, int (10, 10)."""
    counts = np.zeros((NUM_CLASSES, NUM_CLASSES), int)
    np.add.at(counts, (predictions["label"], predictions["prediction"]), 1)
    return counts


def _importance(metric):
    """Sorts what is tested first, then accuracies and losses, then the rest."""
    headline = metric.name.endswith(("accuracy", "loss"))
    return metric.test is None, not headline, metric.name.count(".")


def _metric_row(metric):
    test = metric.test
    if test is None:
        before, after = (_number(value) for value in (metric.before, metric.after))
        difference = metric.difference
        change = "" if difference is None else _sign(f"{difference:+.3g}") if difference else "0"
        return metric.name, before, after, change, metric.judgement
    before, after = f"{metric.before:.2%}", f"{metric.after:.2%}"
    if metric.judgement == "unchanged":
        return metric.name, before, after, "0", metric.judgement
    low, high = (f"{100 * bound:+.2f}" for bound in (test.low, test.high))
    change = _sign(f"{100 * test.difference:+.2f} points [{low}, {high}]")
    counts = f"{test.only_first} images lost, {test.only_second} won"
    return (
        metric.name,
        before,
        after,
        change,
        f"{metric.judgement}: {say_p(metric.p_value)}; {counts}",
    )


def _change_rows(head_row, changes, show=lambda value: value):
    def cell(value):
        return "–" if value is None else str(show(value))

    rows = [(change.name, cell(change.before), cell(change.after)) for change in changes]
    return [head_row, *rows] if rows else []


def _curve_rows(base, head):
    for number, net in enumerate(changed_histories(base, head)):
        if not number:
            yield "", "before", "last", "after", "last"
        for metric in ("val/accuracy", "val/loss"):
            curves = [results.histories[net][metric] for results in (base, head)]
            low, high = min(map(min, curves)), max(map(max, curves))
            cells = (
                (draw_sparkline(curve, low, high), _number(curve.iloc[-1])) for curve in curves
            )
            yield f"{net} {metric}", *(cell for pair in cells for cell in pair)


def _confusion_rows(comparison, base, head):
    cells = []
    for flips in comparison.flips:
        before, after = (confusion(results.predictions[flips.net]) for results in (base, head))
        for label, prediction in np.argwhere(before != after).tolist():
            if label != prediction:
                counts = int(before[label, prediction]), int(after[label, prediction])
                cells.append((flips.net, f"{label} taken for {prediction}", *counts))
    cells.sort(key=lambda cell: -abs(cell[3] - cell[2]))
    if cells:
        yield "net", "digit", "before", "after"
        yield from (tuple(map(str, cell)) for cell in cells[:MAX_CELLS])


def _sentence(note):
    return f"{note[0].upper()}{note[1:]}."


def _list(reasons):
    return ", ".join(reasons[:4]) + (f" and {len(reasons) - 4} more" if reasons[4:] else "")


def _number(value):
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.5g}"


def _sign(text):
    return text.replace("-", "−")


def _align(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ("  ".join(map(str.ljust, row, widths)) for row in rows)
    return "\n".join(f"  {line.rstrip()}" for line in padded)


def _pipes(rows):
    first, *others = (f"| {' | '.join(map(_escape, row))} |" for row in rows)
    return "\n".join([first, "|" + " --- |" * len(rows[0]), *others])


def _escape(text):
    """Keep what Markdown would take for its own: names and values come from the change itself."""
    return " ".join(text.translate(MARKS).split())
