"""A table that fits a width: what is said at length becomes brief, and what is last is left out."""

import textwrap
from dataclasses import dataclass, replace

from studykit.runs.words import shorten

GAP = "  "
WISH = 24  # characters that a shortened text should have, if others can be brief instead


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: above it; in several lines where it is longer than the cells.
        cells: a text a row.
        brief: the same, shorter.
        least: the width down to which its cells may be shortened in their middle; None for never.
        may_go: whether it may be left out; then it also is the first to be brief.
    """

    title: str
    cells: list[str]
    brief: list[str] | None = None
    least: int | None = None
    may_go: bool = False

    @property
    def width(self):
        """Of its longest cell, or the longest word of its title."""
        return max(map(len, (*self.title.split(), *self.cells)), default=0)


def fit(columns, width):
    """Lay a table out.

    Args:
        columns: list of Column, of the same number of cells.
        width: in characters.

    Returns:
        The table as a text; titles of the columns that were left out.
    """
    columns = _be_brief(list(columns), width, WISH, lambda column: column.may_go)
    left_out: list[str] = []
    while _needed(columns, WISH) > width and any(column.may_go for column in columns):
        last = max(number for number, column in enumerate(columns) if column.may_go)
        left_out.insert(0, columns.pop(last).title)
    columns = _be_brief(columns, width, 0, lambda column: True)
    return _render(columns, _widths(columns, width)), left_out


def _be_brief(columns, width, wish, may):
    """Shorten the cells of the last columns, as many as the width demands."""
    for number, column in reversed(list(enumerate(columns))):
        if _needed(columns, wish) > width and column.brief is not None and may(column):
            columns[number] = replace(column, cells=column.brief)
    return columns


def _needed(columns, wish):
    """The width of a table whose texts are shortened to so many characters, or to their least."""
    widths = (
        column.width if column.least is None else min(column.width, max(column.least, wish))
        for column in columns
    )
    return sum(widths) + len(GAP) * (len(columns) - 1)


def _widths(columns, width):
    """The width of each column: what can be shortened shares what room is left."""
    widths = [column.width for column in columns]
    elastic = [n for n, column in enumerate(columns) if column.least is not None]
    while elastic and sum(widths) + len(GAP) * (len(columns) - 1) > width:
        longest = max(elastic, key=lambda n: widths[n] - columns[n].least)
        if widths[longest] <= columns[longest].least:
            break
        widths[longest] -= 1
    return widths


def _render(columns, widths):
    heads = [
        textwrap.wrap(column.title, width, break_long_words=False) or [""]
        for column, width in zip(columns, widths, strict=True)
    ]
    height = max(map(len, heads), default=0)
    rows = [[""] * (height - len(head)) + head + column.cells
            for head, column in zip(heads, columns, strict=True)]  # fmt: skip
    lines = (
        GAP.join(shorten(cell, w).ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in zip(*rows, strict=True)
    )
    return "\n".join(lines)
