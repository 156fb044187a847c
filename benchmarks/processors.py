"""The bytes of both nets on this processor and, imitated, on others.

    python -m benchmarks.processors [--epochs N] [--short]

Both nets learn for some steps, are scored on validation and tell the probabilities of test: as the
stages do it; and without the XLA flags that hand matrix products to oneDNN, which shows what these
are for. With `--epochs 20` whole trainings follow, for which the two trainings' time is needed once
for each processor. Reads `data/processed/`; writes `benchmarks/results/processors.csv`.
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.harness import RESULTS, SHORT, machine, markdown, write
from benchmarks.imitation import Imitation, bytes_of_training, possible, unavailable
from mnist_study.study import NETS
from studykit.errors import UserError, command

KINDS = ("model", "history", "probabilities")
STEPS = 40
WITHOUT = "onednn"
SHORTEST = 3  # processors of `--short`


def main():
    description = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser("python -m benchmarks.processors", description=description)
    parser.add_argument("--data", default="data/processed", help="default: %(default)s")
    parser.add_argument("--epochs", type=int, help="of whole trainings; default: none")
    parser.add_argument("--short", action="store_true", help="a quick look; no record")
    arguments = parser.parse_args()
    target = (SHORT if arguments.short else RESULTS) / "processors.csv"
    header, rows = machine(), []
    with tempfile.TemporaryDirectory() as folder:
        for found in measure(folder, arguments):
            rows += found
            write(target, pd.DataFrame(rows), header)
    print(f"\n{header}\n\n{table(pd.DataFrame(rows))}")


def measure(folder, arguments):
    """Train on each processor.

    Args:
        folder: an empty one.
        arguments: of the command line.

    Yields:
        A list for each training and processor: a dict for each net.
    """
    if reason := unavailable():
        raise UserError(f"other processors cannot be imitated here: {reason}")
    data = Path(arguments.data).resolve()
    if not (data / "train.npz").is_file():
        raise UserError(f"{data}: expected train.npz, found none; run `dvc repro preprocess`")
    others = list(possible().items())[: SHORTEST if arguments.short else None]
    imitation = None
    for training, options in trainings(arguments.epochs):
        for name, processor in [("this one", None), *others]:
            variables = imitation.environment(processor) if imitation else {}
            asked = options | {"nets": list(NETS), "data": str(data)}
            answer = bytes_of_training(asked, variables)
            imitation = imitation or Imitation(folder, answer["code"])
            row = {"training": training, "processor": name, "is": str(processor or "real")}
            found = [row | {"net": net} | md5 for net, md5 in answer["md5"].items()]
            print(training, name, *(each["model"] for each in found), sep=", ", flush=True)
            yield found


def trainings(epochs):
    """Name and options of each training."""
    steps = {"steps": STEPS, "epochs": 1}
    yield f"{STEPS} steps", steps
    yield f"{STEPS} steps without oneDNN in XLA", steps | {"without": WITHOUT}
    if epochs:
        yield f"{epochs} epochs", {"epochs": epochs}


def table(frame):
    """The results as Markdown: a row per processor, the beginnings of the MD5s of KINDS by net."""
    tables = []
    for training, rows in frame.groupby("training", sort=False):
        nets = list(dict.fromkeys(rows["net"]))
        cells = [[training, "maker and caches", *(NETS[net] for net in nets)]]
        for (name, what), own in rows.groupby(["processor", "is"], sort=False):
            by_net = own.set_index("net")
            found = [" ".join(by_net.loc[net, kind][:6] for kind in KINDS) for net in nets]
            cells.append([name, what, *found])
        tables.append(f"{markdown(cells, right=())}\n\n{verdict(rows, nets)}")
    return "\n\n".join(tables)


def verdict(rows, nets):
    """How many different results the processors gave."""
    different = [len(rows[rows["net"] == net].drop_duplicates(list(KINDS))) for net in nets]
    counts = (f"{number} of the {NETS[net]}" for net, number in zip(nets, different, strict=True))
    return f"Different results: {', '.join(counts)}."


if __name__ == "__main__":
    command(main)
