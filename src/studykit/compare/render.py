"""A comparison as text for a terminal, and as Markdown for a comment; both in the same order."""

import textwrap

from studykit.compare.comparison import Comparison
from studykit.compare.sections import Section
from studykit.compare.verdict import INCOMPARABLE
from studykit.compare.wording import say_list

WIDTH = 100  # columns of a terminal
MOST = 6  # parameters and files that are named one by one before the details
LONGEST = 40  # characters of a parameter's values there
NARROWEST = 12  # characters of a column that is made narrower
MARKS = {ord(mark): f"&#{ord(mark)};" for mark in "&\\`*|<>[]@#~"}


def to_text(comparison: Comparison, sections: list[Section], *, everything: bool) -> str:
    """For a terminal.

    Args:
        comparison: what the sections are of.
        sections: of the page.
        everything: whether to unfold what is folded.
    """
    parts = [_wrap(comparison.verdict)]
    parts += [_wrap(f"{lead} {text}") for lead, text in tell_reasons(comparison, str)]
    shown = [section for section in sections if everything or not section.folded]
    for section in shown[:2]:
        if not section.folded:
            parts.append(_plain(section))
    parts += [_wrap(_sentence(note)) for note in comparison.notes]
    parts.append(_wrap(f"Compared: {comparison.base} → {comparison.head}"))
    parts += [_plain(section) for section in shown if section.folded]
    left_out = [section.title for section in sections if section not in shown]
    if left_out:
        titles = "; ".join(f"{title[0].lower()}{title[1:]}" for title in left_out)
        parts.append(_wrap(f"With --all: {titles}"))
    return "\n\n".join(parts)


def to_markdown(comparison: Comparison, sections: list[Section]) -> str:
    """For a comment or a job's summary; what does not decide waits to be unfolded."""
    parts = [f"### {_escape(comparison.verdict)}"]
    parts += [f"**{lead}** {text}" for lead, text in tell_reasons(comparison, _code)]
    parts += [_marked(section) for section in sections if not section.folded]
    parts += [_escape(_sentence(note)) for note in comparison.notes]
    parts.append(f"Compared: {_escape(comparison.base)} → {_escape(comparison.head)}")
    if folded := [section for section in sections if section.folded]:
        titles = "; ".join(f"{each.title[0].lower()}{each.title[1:]}" for each in folded)
        parts.append(f"<details><summary>{_escape(f'Details: {titles}')}</summary>")
        parts += [*map(_marked, folded), "</details>"]
    return "\n\n".join(parts)


def refuse(reason: str) -> str:
    """The Markdown of a comparison that could not begin."""
    return f"### Could not compare: {_escape(reason)}"


def tell_reasons(comparison, code):
    """What changed: first what may explain other results, then the rest.

    Args:
        comparison: of the two.
        code: function that marks a name or a value.

    Yields:
        What begins the sentence, and its rest.
    """
    explaining = [reason for reason in comparison.reasons if reason.explains]
    others = [reason for reason in comparison.reasons if not reason.explains]
    moved = comparison.claims or any(
        metric.judgement != "unchanged" for metric in comparison.metrics
    )
    if explaining and moved and comparison.status != INCOMPARABLE:
        yield "Because of", _list(explaining, code)
        if others:
            yield "Also changed:", _list(others, code)
    elif comparison.reasons:
        yield "Changed:", _list(comparison.reasons, code)
    elif not comparison.problems:
        yield "Changed:", "nothing that results depend on."


def _list(reasons, code):
    """The first reasons one by one, the others by the section or folder that they are in."""
    named = ", ".join(_reason(reason, code) for reason in reasons[:MOST])
    places = dict.fromkeys(map(_place, reasons[MOST:]))
    return (
        f"{named}; more in {say_list([code(place) for place in places])}."
        if places
        else f"{named}."
    )


def _reason(reason, code):
    """A parameter with its values, where these are short; a file by its path."""
    if reason.is_file:
        change = " (new)" if reason.before is None else " (removed)" if reason.after is None else ""
        return f"{code(reason.name)}{change}"
    if reason.before is None:
        return f"{code(reason.name)} (new)"
    if reason.after is None:
        return f"{code(reason.name)} (removed)"
    values = [str(value) for value in (reason.before, reason.after)]
    if sum(map(len, values)) > LONGEST:
        return code(reason.name)
    return f"{code(reason.name)} {' → '.join(map(code, values))}"


def _place(reason):
    """The section of a parameter, or the folder of a file, two levels deep at most."""
    if not reason.is_file:
        file, colon, key = reason.name.rpartition(":")
        return file if colon else key.partition(".")[0]
    return "/".join(reason.name.split("/")[:-1][:2]) or reason.name


def _sentence(note):
    return f"{note[0].upper()}{note[1:]}."


def _wrap(text):
    return textwrap.fill(
        text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _plain(section):
    body = _align(section.rows) if section.rows else section.lines
    pictures = [f"{caption}: {path}" for caption, path in section.pictures.items()]
    return "\n".join(filter(None, [section.title, body, *pictures]))


def _align(rows):
    """A table, no wider than a terminal: what does not fit into a cell goes on in the next line."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    while sum(widths) + 2 * len(widths) > WIDTH and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    lines = []
    for row in rows:
        # A column may be empty: then it has no width, and nothing to wrap.
        cells = [
            textwrap.wrap(cell, width) if cell else [""]
            for cell, width in zip(row, widths, strict=True)
        ]
        for line in range(max(map(len, cells))):
            parts = (cell[line] if line < len(cell) else "" for cell in cells)
            lines.append("  " + "  ".join(map(str.ljust, parts, widths)).rstrip())
    return "\n".join(lines)


def _marked(section):
    title = f"#### {_escape(section.title)}\n\n" if section.title else ""
    if section.pictures:
        return title + "\n\n".join(
            f"![{_escape(text)}]({path})" for text, path in section.pictures.items()
        )
    return title + (_pipes(section.rows) if section.rows else f"```text\n{section.lines}\n```")


def _pipes(rows):
    first, *others = (f"| {' | '.join(map(_escape, row))} |" for row in rows)
    return "\n".join([first, "|" + " --- |" * len(rows[0]), *others])


def _code(text):
    return f"<code>{_escape(text)}</code>"


def _escape(text):
    """Keep what Markdown would take for its own: names and values come from the change itself."""
    return " ".join(text.translate(MARKS).split())
