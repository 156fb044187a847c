"""Train nets, score and predict as the stages do, and say which bytes came out.

    python -m tests.processor.job JSON

The words, as JSON: `nets`; `data`, a folder with train.npz, val.npz and test.npz; `epochs`; and, where
they are not those of params.yaml, `compute` and `training`, which replace keys of these sections;
`steps`, after which an epoch ends; `leave_out`, which drops XLA flags that hold this text. Prints JSON:
by net the MD5 of its model's file, of its history's and of the probabilities of test; and the code
that was loaded for it.
"""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

from mnist_study.data import splits
from mnist_study.data.splits import Split
from mnist_study.nets import keras_file, networks
from mnist_study.nets.compute import configure
from mnist_study.nets.training import train
from mnist_study.params import load
from mnist_study.scores.prediction import predict
from studykit.files import md5, write_csv
from tests.processor.imitation import executable_mappings


def main():
    options = json.loads(sys.argv[1])
    parts = [splits.load(Path(options["data"]) / f"{name}.npz") for name in ("train", "val", "test")]
    answer = {net: run(net, *parts, options) for net in options["nets"]}
    print(json.dumps({"md5": answer, "libraries": executable_mappings()}))


def run(net, train_split, val_split, test_split, options):
    params = load()
    compute = params.compute.model_copy(update=options.get("compute", {}))
    changes = options.get("training", {}) | {"epochs": options["epochs"]}
    section = getattr(params, f"train_{net}").model_copy(update=changes)
    configure(compute)
    if left_out := options.get("leave_out"):
        flags = os.environ["XLA_FLAGS"].split()
        os.environ["XLA_FLAGS"] = " ".join(flag for flag in flags if left_out not in flag)
    model = getattr(networks, f"build_{net}")(section)
    images = options["steps"] * section.batch_size if options.get("steps") else len(train_split)
    history = train(
        model,
        Split(train_split.x[:images], train_split.y[:images]),
        val_split,
        params=section,
        seed=compute.seed,
        steps_per_execution=compute.steps_per_execution,
        on_epoch=lambda row, images_per_second: None,
    )
    probabilities = predict(model, test_split)
    with tempfile.TemporaryDirectory() as folder:
        keras_file.save(Path(folder) / "model.keras", model)
        write_csv(Path(folder) / "history.csv", history)
        return {
            "model": md5(Path(folder) / "model.keras"),
            "history": md5(Path(folder) / "history.csv"),
            "probabilities": hashlib.md5(probabilities.tobytes()).hexdigest(),
        }


if __name__ == "__main__":
    main()
