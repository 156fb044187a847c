"""Time per image and peak memory, with 1, 2, 4 and 8 times the images, and with a million PNGs.

    python -m benchmarks.growth [--rounds N] [--short]

The images of MNIST are repeated; each piece of work has a process of its own. A line through the
peaks gives what a process takes without any image, and what an image adds to that. As PNGs in one
archive, the same images are preprocessed once: they are decoded one by one.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.clone import ROOT
from benchmarks.harness import Measured, raw_data, run, training_images
from studykit.params import read

TIMES = (1, 2, 4, 8)
REPEATS = 8  # with the images as they are
WORK = {  # in this order: the others read what preprocess writes
    "preprocess": "preprocess",
    "train_dense": "an epoch of the dense net",
    "train_cnn": "an epoch of the CNN",
    "evaluate": "evaluate, both nets",
}
ARCHIVED = (20_000, 100_000, 1_000_000)  # PNGs in one archive
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
        counts = ARCHIVED[: 1 if arguments.short else None]
        yield [
            *(lambda work=work: grow(Path(folder), work, times) for work in WORK),
            *(lambda kind=kind: grow_archive(Path(folder), data, kind, counts) for kind in KINDS),
        ]


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


def grow_archive(folder, data, kind, counts):
    """Measure the preprocessing of PNGs in one archive."""
    for count in counts:
        study = folder / f"{kind}-{count}"
        make_archive(study, training_images(data).x, kind, count)
        found = measure(study, "preprocess", repeats=1)
        shutil.rmtree(study)
        case = f"preprocess PNGs in a {kind} archive"
        yield Measured(f"{case}: time per image", f"{count:,}", found["us"], "µs")
        yield Measured(f"{case}: peak memory", f"{count:,}", found["mb"], "MB")
        yield Measured(f"{case}: peak memory", f"{count:,}, their pixels", count * 784e-6, "MB")


def make_archive(study, images, kind, count):
    """A folder with the parameters, and with one archive of images by class."""
    raw = study / "data/raw"
    raw.mkdir(parents=True)
    values = read(ROOT / "params.yaml") | {"data": {"name": "pictures", "sizes": "refuse"}}
    (study / "params.yaml").write_text(json.dumps(values), encoding="utf-8")
    entry = read(ROOT / "datasets.yaml")["mnist"] | {
        "format": "folder", "files": {f"pictures.{kind}": "0" * 64}, "train": [], "test": [],
    }  # fmt: skip
    (study / "datasets.yaml").write_text(json.dumps({"pictures": entry}), encoding="utf-8")
    with KINDS[kind](raw / f"pictures.{kind}") as put:
        for number in range(count):
            file = io.BytesIO()
            Image.fromarray(images[number % len(images)][..., 0]).save(file, "PNG")
            part = "test" if number % 7 == 0 else "train"
            put(f"{part}/{number % 10}/{number}.png", file.getvalue())


@contextmanager
def put_in_tar(path):
    with tarfile.open(path, "w") as archive:

        def put(name, content):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
            archive.members = []  # it would keep all

        yield put


@contextmanager
def put_in_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        yield archive.writestr


KINDS = {"tar": put_in_tar, "zip": put_in_zip}


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
