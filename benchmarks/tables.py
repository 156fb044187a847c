"""Put the recorded results into docs/benchmarks.md and docs/processors.md.

    python -m benchmarks.tables

A block `<!-- benchmark NAME -->` … `<!-- /benchmark -->` gets the table of results/NAME.csv, the
machine it is from, and the figure, where there is one.
"""

import re
from pathlib import Path

from benchmarks import pictures, processors
from benchmarks.harness import RESULTS, read, table

FOLDER = Path(__file__).resolve().parents[1] / "docs"
DOCUMENTS = (FOLDER / "benchmarks.md", FOLDER / "processors.md")
TABLES = {"pictures": pictures.table, "processors": processors.table}  # without rounds and figure
BLOCK = re.compile(r"(<!-- benchmark (\w+) -->\n).*?(<!-- /benchmark -->)", re.DOTALL)


def main():
    for document in DOCUMENTS:
        document.write_text(fill(document.read_text("utf-8")), encoding="utf-8")


def fill(text, results=RESULTS):
    """Replace the blocks of a document.

    Args:
        text: Markdown.
        results: folder of the CSV files.
    """
    return BLOCK.sub(
        lambda found: f"{found[1]}{_block(results / f'{found[2]}.csv')}{found[3]}", text
    )


def _block(path):
    if not path.is_file():
        return "\nNot measured yet.\n\n"
    frame, machine = read(path)
    if path.stem in TABLES:
        return f"\n{TABLES[path.stem](frame)}\n\n{machine}.\n\n"
    figure = f"![{path.stem}: medians and ranges](../benchmarks/results/{path.stem}.png)"
    rounds = frame["round"].max()
    return f"\n{table(frame)}\n\n{figure}\n\n{machine}. Rounds: {rounds}.\n\n"


if __name__ == "__main__":
    main()
