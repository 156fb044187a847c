"""Split the data into train, val and test, and say what it looks like.

Reads `data/raw/`; writes `data/processed/`, metrics per split, and the first training images
of each digit for the report.
"""

from pathlib import Path

from mnist_study.data.params import Preprocess
from studykit.errors import command
from studykit.params import load
from studykit.tracking.run import run

RAW = Path("data/raw")
PROCESSED = Path("data/processed")
SHOWN = 10  # training images of each digit


def main():
    params = load(preprocess=Preprocess).preprocess
    with run("preprocess"):
        from mnist_study.data import idx, partition, splits
        from studykit.files import write_arrays, write_json

        parts = {part: idx.read_split(RAW, part) for part in ("train", "t10k")}
        train, val = partition.split_train_val(
            parts["train"], val_fraction=params.val_fraction, seed=params.seed
        )
        processed = {"train": train, "val": val, "test": parts["t10k"]}
        for name, split in processed.items():
            splits.save(PROCESSED / f"{name}.npz", split)
        write_json(
            "metrics/preprocess.json",
            {name: partition.describe(split) for name, split in processed.items()},
        )
        write_arrays(
            "plots/preprocess/digits.npz", digits=partition.first_of_each_class(train, SHOWN)
        )


if __name__ == "__main__":
    command(main)
