"""Time per image and peak memory, with 1, 2, 4 and 8 times the images.

    python -m benchmarks.growth [--rounds N] [--short]

The images of MNIST are repeated; each piece of work has a process of its own. A line through the
peaks gives what a process takes without any image, and what an image adds to that.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.clone import ROOT
from benchmarks.harness import Measured, raw_data, run

TIMES = (1, 2, 4, 8)
REPEATS = 8  # with the images as they are
WORK = {  # in this order: the others read what preprocess writes
    "preprocess": "preprocess",
    "train_dense": "an epoch of the dense net",
    "train_cnn": "an epoch of the CNN",
    "evaluate": "evaluate, both nets",
}
HEADER_BYTES = {"images-idx3-ubyte": 16, "labels-idx1-ubyte": 8}


def main():
    run("growth", prepare, doc=__doc__, rounds=3, add_arguments=add_arguments)


def add_arguments(parser):
    parser.add_argument("--data", default="data/raw", help="default: %(default)s")


@contextmanager
def prepare(arguments):
    data = raw_data(arguments.data)
    times = TIMES[:2] if arguments.short else TIMES
    with tempfile.TemporaryDirectory() as folder:
        for number in times:
            make_study(Path(folder) / str(number), data, number)
            measure(Path(folder) / str(number), "preprocess", repeats=1)
        yield [lambda work=work: grow(Path(folder), work, times) for work in WORK]


def make_study(folder, data, times):
    """A folder with the parameters, and with each raw file's images repeated."""
    (folder / "data/raw").mkdir(parents=True)
    for name in ("datasets.yaml", "params.yaml"):
        shutil.copy(ROOT / name, folder)
    for part in ("train", "t10k"):
        for kind, size in HEADER_BYTES.items():
            raw = (data / f"{part}-{kind}").read_bytes()
            images = int.from_bytes(raw[4:8], "big") * times
            header = raw[:4] + images.to_bytes(4, "big") + raw[8:size]
            (folder / f"data/raw/{part}-{kind}").write_bytes(header + raw[size:] * times)


def grow(folder, work, times):
    """Measure one piece of work on all sizes."""
    # As many images in all, whatever their number: else few would be measured worse than many.
    found = [measure(folder / str(number), work, repeats=REPEATS // number) for number in times]
    name = WORK[work]
    slope, constant = np.polyfit([each["images"] for each in found], [e["mb"] for e in found], 1)
    per_image, peak = f"{name}: time per image", f"{name}: peak memory"
    for number, each in zip(times, found, strict=True):
        yield Measured(per_image, f"{number} ×", each["us"], "µs")
        yield Measured(peak, f"{number} ×", each["mb"], "MB")
    yield Measured(peak, "without any image", constant, "MB")
    if work == "preprocess":
        yield Measured("memory that an image adds", "its 28 × 28 bytes", 784, "bytes")
    yield Measured("memory that an image adds", name, slope * 1e6, "bytes")


def measure(folder, work, *, repeats):
    completed = subprocess.run(
        [sys.executable, "-m", "benchmarks.contenders.growing", work, str(repeats)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode:
        raise RuntimeError(f"{work}: {completed.stderr}")
    return json.loads(completed.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
