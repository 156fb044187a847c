"""One piece of the study's work on the current folder's data.

    python -m benchmarks.contenders.growing preprocess|train_dense|train_cnn|evaluate

Prints how many images the process holds, the microseconds per image that it works on, and the peak
of its memory in MB. What a process does once, for any number of images, is no part of the time.
"""

import json
import re
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from mnist_study import splits, tracking
from mnist_study.files import read_json
from mnist_study.params import load
from mnist_study.splits import Split

FEW = 3200  # images of a warm-up
PROCESSED = "data/processed"


def preprocess():
    """The stage without its run in MLflow and its figure, which shows few digits of any data."""
    from stages import preprocess as stage

    tracking.run = lambda name: nullcontext()
    stage.draw_digits = stage.save = lambda *_: None
    seconds = timed(stage.main)
    images = sum(split["images"] for split in read_json("metrics/preprocess.json").values())
    return images, seconds / images


def train(net):
    """An epoch with its validation. Building the net's graph is taken off with the warm-up."""
    from mnist_study import networks, training
    from mnist_study.compute import configure

    params = load()
    section = getattr(params, f"train_{net}").model_copy(update={"epochs": 1})
    configure(params.compute)

    def fit(*parts):
        return timed(
            training.train,
            getattr(networks, f"build_{net}")(section),
            *parts,
            params=section,
            steps_per_execution=params.compute.steps_per_execution,
            on_epoch=lambda row, images_per_second: None,
        )

    parts = [splits.load(f"{PROCESSED}/{part}.npz") for part in ("train", "val")]
    sizes = [len(part) for part in parts]
    few = [size * FEW // sizes[0] for size in sizes]
    once = fit(*(Split(part.x[:n], part.y[:n]) for part, n in zip(parts, few, strict=True)))
    return sum(sizes), (fit(*parts) - once) / (sizes[0] - FEW)


def evaluate():
    """The probabilities of both nets; their weights are as they began."""
    from mnist_study import evaluation, networks
    from mnist_study.compute import configure

    params = load()
    configure(params.compute)
    test = splits.load(f"{PROCESSED}/test.npz")
    seconds = 0.0
    for model in (networks.build_dense(params.train_dense), networks.build_cnn(params.train_cnn)):
        once = timed(evaluation.predict, model, Split(test.x[:FEW], test.y[:FEW]))
        seconds += timed(evaluation.predict, model, test) - once
    return len(test), seconds / (len(test) - FEW)


WORK = {
    "preprocess": preprocess,
    "train_dense": partial(train, "dense"),
    "train_cnn": partial(train, "cnn"),
    "evaluate": evaluate,
}


def timed(function, *arguments, **keywords):
    """Seconds that a call takes."""
    began = time.perf_counter()
    function(*arguments, **keywords)
    return time.perf_counter() - began


def peak_memory():
    """The most memory that this process has held, in MB, as Linux says.

    getrusage would not do: its peak begins with that of the process which started this one.
    """
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e6


if __name__ == "__main__":
    images, seconds = WORK[sys.argv[1]]()
    print(json.dumps({"images": images, "us": 1e6 * seconds, "mb": peak_memory()}))
