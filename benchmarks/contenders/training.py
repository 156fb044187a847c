"""Train a net as its stage does.

    python -m benchmarks.contenders.training NET BACKEND DEVICE EPOCHS GOAL

Reads train and val in `data/processed/`. DEVICE is GPU or processor: where the weights have to lie.
Ends after EPOCHS, or with the first that has come to GOAL on validation. After each epoch it prints
a line of JSON: the seconds since the training began, the validation accuracy, and the MD5 of the
weights.
"""

import hashlib
import json
import sys
import time

from mnist_study.data import splits
from mnist_study.nets import backend
from mnist_study.params import load


def main():
    net, name, device, epochs, goal = sys.argv[1:]
    params = load()
    backend.choose(name)
    from mnist_study.compute import configure
    from mnist_study.nets import networks, training

    section = getattr(params, f"train_{net}").model_copy(update={"epochs": int(epochs)})
    configure(params.compute)
    train, val = (splits.load(training.PROCESSED / f"{part}.npz") for part in ("train", "val"))
    began = time.perf_counter()
    model = getattr(networks, f"build_{net}")(section)
    if on_gpu(model) != (device == "GPU"):
        sys.exit(f"{name} puts the weights on the {'GPU' if on_gpu(model) else 'processor'}")

    def on_epoch(row, _):
        told = {"seconds": time.perf_counter() - began, "accuracy": row["val/accuracy"]}
        print(json.dumps(told | {"md5": md5(model)}), flush=True)
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
