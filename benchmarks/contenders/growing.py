"""One piece of the study's work on the current folder's data.

    python -m benchmarks.contenders.growing preprocess|train_dense|train_cnn|evaluate REPEATS

Prints how many images the process holds, the microseconds per image that it works on, the median
of the repeats, and the peak of its memory in MB. What a process does once for any number of images
is no part of the time, nor is its first touch of memory: a virtual machine may have to be given it.
"""

import json
import sys
import time
from contextlib import nullcontext
from functools import partial
from itertools import pairwise
from statistics import median

from benchmarks.study import prepare
from imagesets import splits
from imagesets.splits import Split
from mnist_study.study import NETS
from studykit.files import read_json
from studykit.tracking.run import peak_memory

FEW = 3200  # images of a warm-up
PROCESSED = "data/processed"


def preprocess(repeats):
    """The stage without its run in MLflow."""
    from stages import preprocess as stage

    stage.run = lambda name: nullcontext()
    seconds = [timed(stage.main) for _ in range(1 + repeats)][1:]
    described = read_json("plots/preprocess/splits.json").values()
    images = sum(split["images"] for split in described)
    return images, images, seconds


def train(net, repeats):
    """Epochs with their validations. In the first, TensorFlow builds the net's graph."""
    _, _, fit = prepare(net, epochs=1 + repeats)
    parts = [splits.load(f"{PROCESSED}/{part}.npz") for part in ("train", "val")]
    ends = []
    fit(*parts, on_epoch=lambda row, images_per_second: ends.append(time.perf_counter()))
    images = len(parts[0])
    return images + len(parts[1]), images, [end - begin for begin, end in pairwise(ends)]


def evaluate(repeats):
    """The probabilities of both nets; their weights are as they began."""
    models = [prepare(net)[0] for net in NETS]
    from mnist_study.scores import prediction

    test = splits.load(f"{PROCESSED}/test.npz")
    few = Split(test.x[:FEW], test.y[:FEW])

    def predict(images):
        return sum(timed(prediction.predict, model, images) for model in models)

    predict(few)
    seconds = []
    for _ in range(repeats):
        once = predict(few)  # Keras builds its graph anew
        seconds.append(predict(test) - once)
    return len(test), len(test) - FEW, seconds


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


if __name__ == "__main__":
    images, worked_on, seconds = WORK[sys.argv[1]](int(sys.argv[2]))
    us = 1e6 * median(seconds) / worked_on
    print(json.dumps({"images": images, "us": us, "mb": peak_memory() / 1e6}))
