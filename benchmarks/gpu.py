"""Both trainings on a GPU, with each backend that is installed, and on the processor beside it.

    python -m benchmarks.gpu [--rounds N] [--epochs N] [--short]

Each training is a process of its own on all images, validated after each epoch; the CNN's ends when
it has come to 99 % on validation. Building and compiling are part of the first epoch; the time of
another is the median of those after it. The note begins the MD5 of the weights after the first.
"""

import json
import os
import statistics
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import pairwise

from benchmarks.harness import Measured, UnavailableError, run
from mnist_study.training.fit import PROCESSED
from studykit.errors import UserError

NETS = {"dense": "dense net", "cnn": "CNN"}
GOALS = {"dense": 1.0, "cnn": 0.99}  # validation accuracy
BACKENDS = {"TensorFlow": "tensorflow", "JAX": "jax", "PyTorch": "torch"}
NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}


def main():
    run("gpu", prepare, doc=__doc__, rounds=2, add_arguments=add_arguments)


def add_arguments(parser):
    parser.add_argument("--epochs", type=int, default=20, help="default: %(default)s, short: 2")


@contextmanager
def prepare(arguments):
    if not (PROCESSED / "train.npz").is_file():
        raise UserError(f"{PROCESSED}: expected train.npz, found none; run `dvc repro preprocess`")
    epochs = 2 if arguments.short else arguments.epochs
    yield [
        lambda net=net, contender=contender: take(net, *contender, epochs)
        for net in NETS
        for contender in contenders()
    ]


def contenders():
    """Each device, backend and environment; the first is the reference."""
    yield "processor", "TensorFlow", NO_GPU
    for name, module in BACKENDS.items():
        if find_spec(module):
            yield "GPU", name, {}


def take(net, device, backend, environment, epochs):
    contender = f"{backend}, {device}"
    try:
        return list(measured(net, contender, train(net, device, backend, environment, epochs)))
    except UnavailableError as reason:
        case = f"{NETS[net]}, first epoch"
        return [Measured(case, contender, None, "s", f"does not work: {reason}")]


def train(net, device, backend, environment, epochs):
    """Train in a process of its own.

    Returns:
        list of dict: what contenders/training.py tells of each epoch.

    Raises:
        UnavailableError: the training has failed, or does not take the device.
    """
    words = [net, BACKENDS[backend], device, str(epochs), str(GOALS[net])]
    completed = subprocess.run(
        [sys.executable, "-m", "benchmarks.contenders.training", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode:
        *_, reason = ["it said nothing", *completed.stderr.strip().splitlines()]
        raise UnavailableError(reason)
    lines = completed.stdout.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def measured(net, contender, told):
    """The values of a training.

    Args:
        net, contender: names.
        told: dict of an epoch, in order, as contenders/training.py prints them.

    Yields:
        Measured.
    """
    ends = [epoch["seconds"] for epoch in told]
    md5 = told[0]["md5"][:8]
    yield Measured(f"{NETS[net]}, first epoch", contender, ends[0], "s", md5)
    if len(ends) > 1:
        lengths = [end - begin for begin, end in pairwise(ends)]
        yield Measured(f"{NETS[net]}, an epoch", contender, statistics.median(lengths), "s")
    if net == "cnn":
        came = told[-1]["accuracy"] >= GOALS[net]
        case = f"{NETS[net]}, to {GOALS[net]:.0%} validation accuracy"
        note = f"epoch {len(ends)}" if came else f"not in {len(ends)} epochs"
        yield Measured(case, contender, ends[-1] if came else None, "s", note)


if __name__ == "__main__":
    main()
