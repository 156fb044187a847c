"""Measure side by side: contenders take turns, in rounds, and are held against a reference.

Machines change their speed within seconds. So contenders take turns, each round in the opposite
order of the one before, and a ratio is the median of the rounds' own ratios. What was measured goes
to a CSV file after each round; tables and figures are made from that file.
"""

import argparse
import datetime
import math
import shutil
import subprocess
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import psutil

from mnist_study.report.figures.style import compose, save
from studykit.errors import UserError, command
from studykit.files import atomic_write
from studykit.processes import granted_cores
from studykit.records.origins import this_machine
from studykit.versions import version_of

RESULTS = Path(__file__).parent / "results"
SHORT = Path(__file__).parent / "short"  # what `--short` finds is no record
LIBRARIES = ("dvc", "keras", "mlflow", "numpy", "ray", "tensorflow")
PEERS = ("jax", "torch")


class Measured(NamedTuple):
    """One value.

    Attributes:
        case: what is compared. Its first contender is the reference of the others.
        contender: what was measured.
        value: None where it does not work; `note` says why.
        unit: of the value.
        note: whatever else is to be known.
    """

    case: str
    contender: str
    value: float | None
    unit: str
    note: str = ""


class UnavailableError(Exception):
    """A contender does not work here: why, in a line."""


def turn(case, contender, unit, measure):
    """A contender's turn of one value.

    Args:
        case, contender, unit: as in Measured.
        measure: function without arguments that returns the value, or raises UnavailableError.

    Returns:
        Function without arguments that returns a list of Measured.
    """

    def take():
        try:
            return [Measured(case, contender, measure(), unit)]
        except UnavailableError as reason:
            return [Measured(case, contender, None, unit, f"does not work: {reason}")]

    return take


def run(name, prepare, *, doc, rounds, short_rounds=1, add_arguments=lambda parser: None):
    """The command line of a benchmark: measure, print a table, write a CSV file and a figure.

    Args:
        name: of the files.
        prepare: function from the command line's arguments to a context manager that yields the
            turns: functions without arguments that return some Measured.
        doc: the module's docstring, whose first line describes the command.
        rounds, short_rounds: how many by default, and with `--short`.
        add_arguments: function that adds the benchmark's own to an argparse parser.
    """
    parser = argparse.ArgumentParser(f"python -m benchmarks.{name}", description=doc.split("\n")[0])
    parser.add_argument("--rounds", type=int, help=f"default: {rounds}, short {short_rounds}")
    parser.add_argument("--short", action="store_true", help="a quick look; no record")
    add_arguments(parser)
    arguments = parser.parse_args()
    rounds = arguments.rounds or (short_rounds if arguments.short else rounds)
    target = (SHORT if arguments.short else RESULTS) / f"{name}.csv"

    def main():
        with prepare(arguments) as turns:
            header = machine(getattr(arguments, "peers", None))
            for frame in measure(turns, rounds):
                write(target, frame, header)
        print(f"\n{header}\n\n{table(frame)}\n")
        save(target.with_suffix(".png"), partial(draw, frame))

    command(main)


def measure(turns, rounds):
    """Let all take their turns in each round, every second round the other way round.

    Yields:
        pandas.DataFrame after each round: a row per value measured so far, with its round from 1.
    """
    rows = []
    for number in range(1, rounds + 1):
        step = 1 if number % 2 else -1
        taken = []
        for take in turns[::step]:
            taken.append(list(take()))
            for each in taken[-1]:
                value = (
                    "does not work" if each.value is None else f"{spell(each.value)} {each.unit}"
                )
                print(f"round {number}: {each.case}: {each.contender}: {value}", flush=True)
        rows += [each._asdict() | {"round": number} for part in taken[::step] for each in part]
        yield pd.DataFrame(rows)


def summarise(frame):
    """Condense the rounds.

    Args:
        frame: as measure yields it.

    Returns:
        pandas.DataFrame, a row per case and contender, in their order: case, unit, contender,
        median, low, high, ratio to the case's first contender (the median of the rounds' ratios)
        and note. NaN where it does not work.
    """
    rows = []
    for case, measured in frame.groupby("case", sort=False):
        by_round = measured.pivot(index="round", columns="contender", values="value").astype(float)
        ratios = by_round.div(by_round[measured["contender"].iloc[0]], axis=0)
        for contender, own in measured.groupby("contender", sort=False):
            values = by_round[contender]
            rows.append(
                {
                    "case": case,
                    "unit": own["unit"].iloc[0],
                    "contender": contender,
                    "median": values.median(),
                    "low": values.min(),
                    "high": values.max(),
                    "ratio": ratios[contender].median(),
                    "note": "; ".join(dict.fromkeys(note for note in own["note"] if note)),
                }
            )
    return pd.DataFrame(rows)


def table(frame):
    """The summary as Markdown, a table per case."""
    tables = []
    for case, rows in summarise(frame).groupby("case", sort=False):
        head = [f"{case}, {rows['unit'].iloc[0]}", "median", "range", "ratio", "note"]
        cells = [
            [
                row.contender,
                spell(row.median),
                f"{spell(row.low)} to {spell(row.high)}" if row.low < row.high else "",
                "" if math.isnan(row.ratio) else f"{row.ratio:.2f}",
                row.note,
            ]
            for row in rows.itertuples()
        ]
        columns = 5 if any(rows["note"]) else 4
        rows = [row[:columns] for row in (head, *cells)]
        tables.append(markdown(rows, right=(1, 2, 3)))
    return "\n\n".join(tables)


def spell(value):
    """A number with three digits that count."""
    if value is None or math.isnan(value):
        return "–"
    digits = 2 - math.floor(math.log10(abs(value))) if value else 0
    return f"{value:,.{max(0, digits)}f}"


def draw(frame):
    """A figure: median and range of each contender, a panel per case."""
    cases = [
        rows.dropna(subset="median") for _, rows in summarise(frame).groupby("case", sort=False)
    ]
    cases = [rows for rows in cases if len(rows)]
    height = 0.9 + 0.28 * max(map(len, cases))
    panels = [lambda axis, rows=rows: _draw_case(axis, rows) for rows in cases]
    return compose(*panels, size=(7, height), columns=1)


def _draw_case(axis, rows):
    places = range(len(rows))
    spread = [rows["median"] - rows["low"], rows["high"] - rows["median"]]
    axis.errorbar(rows["median"], places, xerr=spread, fmt="o", capsize=3)
    axis.set(title=f"{rows['case'].iloc[0]}, {rows['unit'].iloc[0]}", yticks=places)
    axis.set_yticklabels(rows["contender"])
    axis.set_xlim(left=0)
    axis.invert_yaxis()
    axis.margins(y=0.5 / len(rows))


def write(path, frame, header):
    """Write what was measured: a line on the machine, then the table."""
    with atomic_write(path) as beside, open(beside, "w", encoding="utf-8") as file:
        file.write(f"# {header}\n")
        frame.to_csv(file, index=False, lineterminator="\n")


def read(path):
    """Read what write wrote.

    Returns:
        pandas.DataFrame, and the line on the machine.
    """
    with open(path, encoding="utf-8") as file:
        header = file.readline().removeprefix("# ").strip()
        return pd.read_csv(file, keep_default_na=False, na_values={"value": [""]}), header


def machine(peers=None):
    """Processor, cores, memory, GPU, date and versions, in a line.

    Args:
        peers: another interpreter, whose libraries are named, too.
    """
    memory = round(psutil.virtual_memory().total / 2**30)
    versions = ", ".join(f"{name} {version_of(name)}" for name in LIBRARIES if find_spec(name))
    versions += "".join(f", {name} {_version(peers, name)}" for name in PEERS if peers)
    here = this_machine()
    return (
        f"{here['processor']}, {granted_cores()} cores, {memory} GiB, {gpus()}{here['system']}; "
        f"{datetime.date.today()}; Python {here['python']}, {versions}"
    )


def _version(python, library):
    """The version of a library that another interpreter has."""
    asked = f"from importlib.metadata import version; print(version({library!r}))"
    answer = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def gpus():
    """The GPUs of NVIDIA, each with a comma behind it; empty where there is none."""
    if shutil.which("nvidia-smi") is None:
        return ""
    asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    return "".join(f"{name}, " for name in answer.splitlines())


def raw_data(folder):
    """The folder of the four files of MNIST, as an absolute path; a UserError if it is none."""
    folder = Path(folder).resolve()
    if not (folder / "train-images-idx3-ubyte").is_file():
        raise UserError(
            f"{folder}: expected the four files of MNIST, found none; "
            "run `dvc repro fetch`, or name their folder: --data FOLDER"
        )
    return folder


def training_images(folder):
    """The training images of MNIST, from the four files in a folder, as a Split."""
    from imagesets.catalogue import find
    from imagesets.images import read
    from imagesets.partition import take
    from imagesets.splits import Split

    found = read(folder, find("mnist", Path(__file__).parents[1] / "datasets.yaml"))
    return take(Split(found.x, found.y, tuple(found.classes)), found.train)


def markdown(rows, *, right):
    """A table.

    Args:
        rows: lists of text of the same length, first the heading.
        right: numbers of the columns that are aligned to the right.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    aligned = [
        [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    rule = [
        "-" * (width - 1) + (":" if column in right else "-") for column, width in enumerate(widths)
    ]
    lines = [aligned[0], rule, *aligned[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
