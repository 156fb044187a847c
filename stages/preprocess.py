"""Read the images, split them into train, val and test, and say what they look like.

Reads `data/raw/`; writes `data/processed/`, the size of each split as metrics, what the splits and
the data set are, and the first training images of each class for the report.
"""

from pathlib import Path

from imagesets.catalogue import find
from mnist_study.data.params import Data, Preprocess
from studykit.errors import command
from studykit.params import load
from studykit.tracking.run import run

RAW = Path("data/raw")
PROCESSED = Path("data/processed")
SHOWN = 10  # training images of each class


def main():
    params = load(data=Data, preprocess=Preprocess)
    entry = find(params.data.name)
    with run("preprocess"):
        from imagesets import images, partition, splits
        from studykit.files import write_arrays, write_json

        found = images.read(RAW, entry, fit=params.data.sizes == "fit")
        data = splits.Split(found.x, found.y, tuple(found.classes))
        train, val = partition.split_train_val(
            partition.take(data, found.train),
            val_fraction=params.preprocess.val_fraction,
            seed=params.preprocess.seed,
        )
        processed = {"train": train, "val": val, "test": partition.take(data, found.test)}
        for name, split in processed.items():
            splits.save(PROCESSED / f"{name}.npz", split)
        described = {name: partition.describe(split) for name, split in processed.items()}
        write_json("plots/preprocess/splits.json", described)
        for name, found in described.items():
            write_json(f"metrics/preprocess/{name}.json", {"images": found["images"]})
        write_json("plots/preprocess/data.json", describe(entry, data))
        write_arrays(
            "plots/preprocess/images.npz", images=partition.first_of_each_class(train, SHOWN)
        )


def describe(entry, data):
    """What the data set is, for all that speaks of it."""
    height, width, channels = data.image_shape
    shape = {"height": height, "width": width, "channels": channels}
    about = entry.model_dump(include={"name", "title", "noun", "licence", "cite"})
    return about | {"classes": data.classes} | shape


if __name__ == "__main__":
    command(main)
