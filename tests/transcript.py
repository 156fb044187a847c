"""What commands printed, written to a file of the documents, and held against it later."""

import re
from typing import NamedTuple

NUMBER = re.compile(r"\b[0-9a-f]{7,40}\b|\d+")
# What says how something went, and not what: epochs, stages that did not run, advice, how to add.
# And what a tiny study says of the claims.
NOISE = re.compile(
    r"epoch|> |Stage '.+' didn't change|hint:|\t|To (track|enable)|Use `dvc|Updating lock|Importing"
    r"|Building|Collecting|Reproducing|Ran experiment|Experiment results|\s*$|\d+%|Queued|Checkout"
    r"|.+: (refuted|undecided|reproduced)$"
)


class Step(NamedTuple):
    """A command and what it printed.

    Attributes:
        who: ran it.
        command: as the documents show it.
        output: the lines of standard output and standard error.
    """

    who: str
    command: str
    output: list[str]


def write_transcript(path, steps):
    """Write steps to a file, without lines that nobody needs."""
    lines = []
    for step in steps:
        lines.append(f"{step.who}$ {step.command}")
        lines += [line.rstrip() for line in step.output if not NOISE.match(line)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def differences(path, steps):
    """Where a file shows something else than what steps have just printed.

    Each line that it shows must have been printed, in that order. Numbers may be others: those of
    commits, times and results vary.

    Returns:
        list of the commands and lines that were not seen.
    """
    shown = path.read_text(encoding="utf-8").splitlines()
    unseen, lines, left = [], iter(()), list(steps)
    for line in shown:
        if left and line == f"{left[0].who}$ {left[0].command}":
            lines = iter([_masked(printed) for printed in left.pop(0).output])
        elif _masked(line) not in lines:  # what is before it, the file leaves out
            unseen.append(line)
    return unseen + [f"{step.who}$ {step.command}" for step in left]


def _masked(line):
    return NUMBER.sub("#", line.strip())
