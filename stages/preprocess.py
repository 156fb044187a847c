"""Split the data into train, val and test, and say what it looks like.

Reads `data/raw/`; writes `data/processed/`, metrics per split and a figure of example digits.
"""

from pathlib import Path

from mnist_study.data import splits
from mnist_study.data.idx import read_images, read_labels
from mnist_study.data.splits import Split
from mnist_study.params import load
from mnist_study.report.figures.digits import draw_digits
from mnist_study.report.figures.style import save
from studykit.errors import command
from studykit.files import write_json
from studykit.tracking import live as tracking

RAW = Path("data/raw")
PROCESSED = Path("data/processed")


def main():
    params = load().preprocess
    with tracking.run("preprocess"):
        train_val = read_split("train")
        train, val = splits.split_train_val(
            train_val, val_fraction=params.val_fraction, seed=params.seed
        )
        parts = {"train": train, "val": val, "test": read_split("t10k")}
        for name, split in parts.items():
            splits.save(PROCESSED / f"{name}.npz", split)
        write_json(
            "metrics/preprocess.json",
            {name: splits.describe(split) for name, split in parts.items()},
        )
        save("plots/preprocess/digits.png", draw_digits(train))


def read_split(part):
    return Split(
        read_images(RAW / f"{part}-images-idx3-ubyte"),
        read_labels(RAW / f"{part}-labels-idx1-ubyte"),
    )


if __name__ == "__main__":
    command(main)
