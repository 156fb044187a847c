"""Put the recorded results into README.md, docs/benchmarks.md and docs/processors.md.

    python -m benchmarks.tables

A block `<!-- benchmark NAME -->` … `<!-- /benchmark -->` gets the table of results/NAME.csv, the
machine it is from, and the figure, where there is one; `<!-- benchmark NAME in short -->` the
benchmark's short table alone.
"""

import re
from pathlib import Path

from benchmarks import pictures, processors, time_to_accuracy
from benchmarks.harness import RESULTS, read, table

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (ROOT / "README.md", ROOT / "docs/benchmarks.md", ROOT / "docs/processors.md")
TABLES = {"pictures": pictures.table, "processors": processors.table}  # without rounds and figure
IN_SHORT = {"time_to_accuracy": time_to_accuracy.in_short}
BLOCK = re.compile(r"(<!-- benchmark (\w+)( in short)? -->\n).*?(<!-- /benchmark -->)", re.DOTALL)


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
        lambda found: f"{found[1]}{_block(results / f'{found[2]}.csv', found[3])}{found[4]}", text
    )


def _block(path, in_short):
    if not path.is_file():
        return "\nNot measured yet.\n\n"
    frame, machine = read(path)
    if in_short:
        return f"{IN_SHORT[path.stem](frame)}\n"
    if path.stem in TABLES:
        return f"\n{TABLES[path.stem](frame)}\n\n{machine}.\n\n"
    figure = f"![{path.stem}: medians and ranges](../benchmarks/results/{path.stem}.png)"
    rounds = frame["round"].max()
    return f"\n{table(frame)}\n\n{figure}\n\n{machine}. Rounds: {rounds}.\n\n"


if __name__ == "__main__":
    main()
