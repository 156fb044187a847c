"""Train a net as its stage does: `python -m benchmarks.contenders.training NET NAME EPOCHS GOAL`.

NAME is a backend's. Reads train and val in `data/processed/`. Ends after EPOCHS, or with the first
that has come to GOAL on validation. After each epoch it prints a line of JSON: the seconds since
the training began, the validation accuracy, the MD5 of the weights, and whether they lie on a GPU.
"""

import hashlib
import json
import sys
import time

from mnist_study import backend, splits
from mnist_study.params import load


def main():
    net, name, epochs, goal = sys.argv[1:]
    params = load()
    backend.choose(name)
    from mnist_study import networks, training
    from mnist_study.compute import configure

    section = getattr(params, f"train_{net}").model_copy(update={"epochs": int(epochs)})
    configure(params.compute)
    train, val = (splits.load(training.PROCESSED / f"{part}.npz") for part in ("train", "val"))
    began = time.perf_counter()
    model = getattr(networks, f"build_{net}")(section)

    def on_epoch(row, _):
        told = {"seconds": time.perf_counter() - began, "accuracy": row["val/accuracy"]}
        print(json.dumps(told | {"md5": md5(model), "gpu": on_gpu(model)}), flush=True)
        if told["accuracy"] >= float(goal):
            sys.exit()

    training.train(
        model,
        train,
        val,
        params=section,
        seed=params.compute.seed,
        steps_per_execution=params.compute.steps_per_execution,
        on_epoch=on_epoch,
    )


def md5(model):
    return hashlib.md5(b"".join(array.tobytes() for array in model.get_weights())).hexdigest()


def on_gpu(model):
    device = str(model.trainable_variables[0].value.device).lower()
    return "gpu" in device or "cuda" in device


if __name__ == "__main__":
    main()
