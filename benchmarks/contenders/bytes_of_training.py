"""Train nets, score and predict as the stages do, and say which bytes came out.

    python -m benchmarks.contenders.bytes_of_training JSON

The words, as JSON: `nets`; `data`, a folder with train.npz, val.npz and test.npz; `epochs`. And
where it is to differ from the stages: `steps`, after which an epoch ends; `compute` and `training`,
whose keys replace those of the sections of the parameters; `without`, a text: the XLA flags that
hold it are left out. Prints JSON: `md5` by net, of its model's file, of its history's and of the
probabilities of test; and `code`, which was loaded for it.
"""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.imitation import executable_mappings
from benchmarks.study import prepare
from imagesets import splits
from imagesets.splits import Split
from studykit.files import md5, write_csv


def main():
    options = json.loads(sys.argv[1])
    parts = [
        splits.load(Path(options["data"]) / f"{name}.npz") for name in ("train", "val", "test")
    ]
    answer = {net: run(net, *parts, options) for net in options["nets"]}
    print(json.dumps({"md5": answer, "code": executable_mappings()}))


def run(net, train_split, val_split, test_split, options):
    model, section, fit = prepare(
        net,
        compute=options.get("compute"),
        set_up=lambda: leave_out(options.get("without")),
        epochs=options["epochs"],
        **options.get("training", {}),
    )
    images = options["steps"] * section.batch_size if options.get("steps") else len(train_split)
    history = fit(
        Split(train_split.x[:images], train_split.y[:images]),
        val_split,
        on_epoch=lambda row, images_per_second: None,
    )
    from mnist_study.scores.prediction import predict
    from mnist_study.training import keras_file

    probabilities = predict(model, test_split)
    with tempfile.TemporaryDirectory() as folder:
        keras_file.save(Path(folder) / "model.keras", model)
        write_csv(Path(folder) / "history.csv", history)
        return {
            "model": md5(Path(folder) / "model.keras"),
            "history": md5(Path(folder) / "history.csv"),
            "probabilities": hashlib.md5(probabilities.tobytes()).hexdigest(),
        }


def leave_out(text):
    if text:
        flags = os.environ["XLA_FLAGS"].split()
        os.environ["XLA_FLAGS"] = " ".join(flag for flag in flags if text not in flag)


if __name__ == "__main__":
    main()
