"""The whole pipeline, tracked, against a notebook's plain script, and what the tracking costs.

    python -m benchmarks.pipeline [--rounds N] [--epochs N] [--short]

`dvc repro` runs from scratch, in a fresh clone with an empty cache, with the data in a folder. The
notebook trains the same two nets on the same data by Keras' defaults; it has no report.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from benchmarks.clone import DVC, clone
from benchmarks.harness import Measured, raw_data, run
from benchmarks.parts import TRAINING, timed_parts

WHOLE = "from scratch"
NOTEBOOK = Path(__file__).parent / "contenders/notebook.py"
PARTS = "`dvc repro`, part by part"
AUTOLOG = ("keras", "tensorflow")  # of MLflow


def main():
    run("pipeline", prepare, doc=__doc__, rounds=3, add_arguments=add_arguments)


def add_arguments(parser):
    parser.add_argument("--data", default="data/raw", help="default: %(default)s")
    parser.add_argument("--epochs", type=int, help="of both nets; default: 20, short 1")


@contextmanager
def prepare(arguments):
    data = raw_data(arguments.data)
    epochs = arguments.epochs or (1 if arguments.short else 20)
    yield [
        lambda: notebook_turn(data, epochs),
        lambda: pipeline_turn(data, epochs),
        *(lambda name=name: notebook_turn(data, epochs, name) for name in AUTOLOG),
    ]


def pipeline_turn(data, epochs):
    """`dvc repro` from scratch, and its parts; the first is the whole, so ratios are shares."""
    values = {"train_dense__epochs": epochs, "train_cnn__epochs": epochs}
    with clone(data, **values) as project, tempfile.TemporaryDirectory() as folder:
        parts = timed_parts(project, Path(folder) / "clocks", *DVC, "repro")
    whole = sum(parts.values())
    rows = {"whole": whole, "all but training": whole - parts[TRAINING]} | parts
    return [
        Measured(WHOLE, "this project: dvc repro", whole, "s"),
        *(Measured(PARTS, part, seconds, "s") for part, seconds in rows.items()),
    ]


def notebook_turn(data, epochs, autolog=""):
    """The notebook's script, from its start to its end."""
    name = f"notebook with mlflow.{autolog}.autolog" if autolog else "notebook"
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        completed = subprocess.run(
            [sys.executable, NOTEBOOK, data, str(epochs), *filter(None, [autolog])],
            cwd=folder,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
    if completed.returncode:
        reason = completed.stderr.strip().splitlines()[-1]
        return [Measured(WHOLE, name, None, "s", f"does not work: {reason}")]
    trainings = float(completed.stdout.rpartition("trainings: ")[2].split()[0])
    alone = [Measured(WHOLE, "its two trainings alone", trainings, "s")]
    return [Measured(WHOLE, name, seconds, "s"), *(alone if not autolog else ())]


if __name__ == "__main__":
    main()
