"""A comparison's sections as text for a terminal, and as Markdown for a comment."""

from studykit.compare.comparison import Comparison
from studykit.compare.sections import Section
from studykit.compare.verdict import INCOMPARABLE, LOSS

TITLES = {LOSS: "a loss", INCOMPARABLE: "not comparable"}  # by exit status
MARKS = {ord(mark): f"&#{ord(mark)};" for mark in "&\\`*|<>[]@#~"}


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
            parts.append("\n".join([section.title, *filter(None, [body]), *pictures]))
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


def _sentence(note):
    return f"{note[0].upper()}{note[1:]}."


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
