"""A summary as a page or as Markdown, with its picture: for a README, or to be sent to somebody."""

import html
from pathlib import Path
from urllib.parse import quote

from studykit.files import write_text
from studykit.runs.picture import MOST, draw

MARKS = {ord(mark): f"\\{mark}" for mark in "\\`*_|<>[]#~"}
STYLE = """\
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
  color: #222; background: #fff; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd;
  vertical-align: top; }
td { white-space: nowrap; }
td:first-child { white-space: normal; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
svg { max-width: 100%; height: auto; }
"""


def write_html(path, title, columns, notes, labels, panels):
    """Write one page that needs no other file.

    Args:
        path: of the page.
        title: its heading.
        columns: list of Column.
        notes: sentences below the table.
        labels, panels: of the picture.
    """
    heads = "".join(f"<th>{html.escape(column.title)}</th>" for column in columns)
    rows = "\n".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>"
        for row in zip(*(column.cells for column in columns), strict=True)
    )
    svg = draw(labels, panels)
    svg = svg[svg.index("<svg") :].replace(
        "<svg", f'<svg role="img" aria-label="{_alt(panels)}"', 1
    )
    said = "\n".join(f"<p>{html.escape(note)}</p>" for note in [*notes, *_left_out(labels)])
    write_text(
        path,
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n<figure>\n{svg}</figure>\n"
        f'<div class="scroll"><table>\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>\n{said}\n</body>\n</html>\n",
    )


def write_markdown(path, title, columns, notes, labels, panels):
    """Write Markdown, and its picture beside it, with the same name and `.svg` at its end.

    Args:
        path: of the Markdown.
        title: its heading.
        columns: list of Column.
        notes: sentences below the table.
        labels, panels: of the picture.
    """
    path = Path(path)
    picture = path.with_suffix(".svg")
    write_text(picture, draw(labels, panels))
    head, *rows = (
        f"| {' | '.join(map(_escape, row))} |"
        for row in zip(*([column.title, *column.cells] for column in columns), strict=True)
    )
    table = "\n".join([head, "|" + " --- |" * len(columns), *rows])
    parts = [f"## {_escape(title)}", f"![{_alt(panels)}]({quote(picture.name)})", table]
    parts += map(_escape, [*notes, *_left_out(labels)])
    write_text(path, "\n\n".join(parts) + "\n")


def _alt(panels):
    """What the picture shows, in words."""
    return html.escape(f"{', '.join(panels)}: a line for each row of the table, with intervals")


def _left_out(labels):
    more = len(labels) - MOST
    return [f"The picture shows the first {MOST} of {len(labels)} lines."] if more > 0 else []


def _escape(text):
    return " ".join(text.translate(MARKS).split())
