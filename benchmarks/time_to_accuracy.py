"""Time until a net has an accuracy on validation images: this project, plain Keras, two examples.

    python -m benchmarks.time_to_accuracy [--rounds SEEDS] [--peers PYTHON] [--first SEED]
        [--short]

A round is a seed, of the split and of the weights. A contender trains, epoch by epoch, until the
9,000 images that the study holds out are read with the accuracy that is claimed: by the CNNs with
99 %, by the dense net with 96 %. `training` is what that took, with each epoch's validation; `whole
process` is all, from its start to its end. The examples are Keras' own for MNIST, and PyTorch's,
each with the net, optimizer and batch size that its authors chose; PyTorch's is measured where
PYTHON names an interpreter that has it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.harness import (
    Measured,
    markdown,
    raw_data,
    run,
    spell,
    summarise,
    training_images,
)
from imagesets.partition import split_train_val
from imagesets.splits import save
from mnist_study.study import NETS

GOALS = {"dense": 0.96, "cnn": 0.99}
EPOCHS = 40  # at most
WAYS = {
    "dense": {"project": "this project", "keras": "plain Keras, the same net"},
    "cnn": {
        "project": "this project",
        "keras": "plain Keras, the same net",
        "keras_example": "Keras' example",
        "pytorch_example": "PyTorch's example",
    },
}


def main():
    run("time_to_accuracy", prepare, doc=__doc__, rounds=10, add_arguments=add_arguments)


def add_arguments(parser):
    parser.add_argument("--data", default="data/raw", help="default: %(default)s")
    parser.add_argument("--peers", metavar="PYTHON", help="with PyTorch")
    parser.add_argument("--first", type=int, default=0, help="seed of round 1; default: 0")


@contextmanager
def prepare(arguments):
    images = training_images(raw_data(arguments.data))
    with tempfile.TemporaryDirectory() as folder:
        yield [
            Contender(images, Path(folder), net, way, name, arguments)
            for net, ways in WAYS.items()
            for way, name in ways.items()
            if way != "pytorch_example" or arguments.peers
        ]


class Contender:
    """A way to train a net; each call is its turn with the next seed.

    Args:
        images: all training images, as a Split.
        folder: for the splits.
        net, way: of WAYS.
        name: of the row.
        arguments: of the command line: the first seed, and another interpreter, for PyTorch.
    """

    def __init__(self, images, folder, net, way, name, arguments):
        self._images, self._folder, self._net, self._way = images, folder, net, way
        self._name, self._seed = name, arguments.first
        self._python = arguments.peers if way == "pytorch_example" else sys.executable

    def __call__(self):
        seed, self._seed = self._seed, self._seed + 1
        split = partial(split_train_val, self._images, val_fraction=0.15, seed=seed)
        paths = [self._folder / f"{seed}-{name}.npz" for name in ("train", "val")]
        if not all(path.exists() for path in paths):
            for path, part in zip(paths, split(), strict=True):
                save(path, part)
        words = [self._way, self._net, *paths, seed, GOALS[self._net], EPOCHS]
        began = time.perf_counter()
        done = subprocess.run(
            [self._python, "-m", "benchmarks.contenders.to_accuracy", *map(str, words)],
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        whole = time.perf_counter() - began
        case = _case(self._net)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            return [
                Measured(f"{case}, {what}", self._name, None, "s", f"does not work: {reason}")
                for what in ("training", "whole process")
            ]
        found = json.loads(done.stdout.splitlines()[-1])
        reached = found["accuracy"] >= GOALS[self._net]
        note = "" if reached else f"seed {seed}: not within {EPOCHS} epochs"
        seconds = {"training": found["seconds"], "whole process": whole}
        return [
            *(
                Measured(f"{case}, {what}", self._name, value if reached else None, "s", note)
                for what, value in seconds.items()
            ),
            Measured(f"{case}, epochs", self._name, found["epochs"], "epochs", note),
        ]


def in_short(frame):
    """Markdown: a row per net and way, with the seconds of training and of the whole process.

    Args:
        frame: as harness.measure yields it.
    """
    found = {(row.case, row.contender): row for row in summarise(frame).itertuples()}

    def cell(case, contender):
        row = found.get((case, contender))
        return "" if row is None else f"{spell(row.median)} ({spell(row.low)} to {spell(row.high)})"

    heading = ["net, until its accuracy on validation", "by", "training, s", "whole process, s"]
    rows = []
    for net, ways in WAYS.items():
        case = _case(net)
        for name in ways.values():
            seconds = [cell(f"{case}, {what}", name) for what in ("training", "whole process")]
            if any(seconds):
                rows.append([case.replace(", until", ":"), name, *seconds])
    return markdown([heading, *rows], right=(2, 3))


def _case(net):
    return f"{NETS[net]}, until {GOALS[net]:.0%} on validation"


if __name__ == "__main__":
    main()
