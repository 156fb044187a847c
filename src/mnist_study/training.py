"""Train a network and record what happened, epoch by epoch."""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from mnist_study import keras_file, origins, splits
from mnist_study.batches import shuffled_batches
from mnist_study.compute import configure, keras
from mnist_study.data_parallel import DataParallel
from mnist_study.errors import UserError
from mnist_study.figures.curves import draw_curves
from mnist_study.figures.style import save
from mnist_study.files import write_csv, write_json
from mnist_study.mnist import NUM_CLASSES

PROCESSED = Path("data/processed")

COLUMNS = {  # of the history, with Keras' own names
    "train/loss": "loss",
    "train/accuracy": "accuracy",
    "val/loss": "val_loss",
    "val/accuracy": "val_accuracy",
}


def run_stage(name, build, *, params, compute, on_epoch):
    """Train the net of a stage and write its outputs.

    Reads train and val in `data/processed/`; writes the model, and the history, its curves and its
    metrics under the stage's name. Notes beside the model which processor trained it.

    Args:
        name: of the net.
        build: function from its parameters to an uncompiled keras.Model.
        params: the net's section of the parameters.
        compute: the section on how to compute.
        on_epoch: called after each epoch with its row of the history, and how many images per
            second it learned from.
    """
    configure(compute)
    model = build(params)
    history = train(
        model,
        splits.load(PROCESSED / "train.npz"),
        splits.load(PROCESSED / "val.npz"),
        params=params,
        steps_per_execution=compute.steps_per_execution,
        on_epoch=on_epoch,
    )
    keras_file.save(f"models/{name}.keras", model)
    origins.record(f"models/{name}.keras")
    write_csv(f"plots/train_{name}/history.csv", history)
    write_json(f"metrics/train_{name}.json", summarise(history, model.count_params()))
    save(f"plots/train_{name}/curves.png", draw_curves(history, name))


def train(model, train_split, val_split, *, params, steps_per_execution, on_epoch):
    """Compile a network and fit it.

    Args:
        model: keras.Model from uint8 images to class probabilities; its weights are changed.
        train_split: Split to learn from.
        val_split: Split that is scored after each epoch.
        params: the net's section of the parameters.
        steps_per_execution: batches that TensorFlow works off per call from Python. It changes
            the speed and no bit of the result.
        on_epoch: called after each epoch with its row of the history as a dict, and how many images
            per second it learned from.

    Returns:
        pandas.DataFrame, a row per epoch: epoch from 1, loss (mean categorical cross-entropy, in
        nats) and accuracy on train, as they were while learning, and on val.

    Raises:
        UserError: a batch has fewer images than there are shards.
    """
    _check_shards(model.name, params, train=train_split, val=val_split)
    settings = {
        "optimizer": keras.optimizers.get(
            {"class_name": params.optimizer, "config": {"learning_rate": params.learning_rate}}
        ),
        "loss": "categorical_crossentropy",
        "metrics": ["accuracy"],
        "steps_per_execution": steps_per_execution,
    }
    model.compile(**settings)
    learner = model
    if params.shards > 1:
        learner = DataParallel(model, params.shards)
        learner.compile(**settings)  # with the same optimizer, which is saved with the model
    recorder = _Recorder(params.epochs, len(train_split), on_epoch)
    learner.fit(
        shuffled_batches(train_split, params.batch_size),
        shuffle=False,  # they are
        validation_data=(
            val_split.x[..., np.newaxis],
            keras.utils.to_categorical(val_split.y, NUM_CLASSES),
        ),
        validation_batch_size=params.batch_size,
        epochs=params.epochs,
        callbacks=[recorder],
        verbose=0,
    )
    return pd.DataFrame(recorder.rows)


def summarise(history, num_parameters):
    """Condense a history into metrics.

    Returns:
        dict: parameter count, and for train and val the final loss and accuracy; for val also the
        best of each, and the epoch (from 1) of the lowest loss.
    """
    final = history.iloc[-1]
    lowest = history.loc[history["val/loss"].idxmin()]
    return {
        "parameters": num_parameters,
        "epochs": len(history),
        "train": {"loss": final["train/loss"], "accuracy": final["train/accuracy"]},
        "val": {
            "loss": final["val/loss"],
            "accuracy": final["val/accuracy"],
            "lowest_loss": lowest["val/loss"],
            "lowest_loss_epoch": int(lowest["epoch"]),
            "highest_accuracy": history["val/accuracy"].max(),
        },
    }


def _check_shards(net, params, **splits):
    """Refuse shards that would leave one without an image in the last batch of a split."""
    for name, split in splits.items():
        last = (len(split) - 1) % params.batch_size + 1
        if last < params.shards:
            raise UserError(
                f"params.yaml: train_{net}.shards: expected at most {last}, the images of the last "
                f"batch of {name}, received {params.shards}; choose fewer or another batch_size"
            )


class _Recorder(keras.callbacks.Callback):
    """Keep the history; show a bar on a terminal, and a line per epoch everywhere."""

    def __init__(self, epochs, num_images, on_epoch):
        super().__init__()
        self.rows = []
        self._epochs = epochs
        self._num_images = num_images
        self._on_epoch = on_epoch

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()
        self._bar = tqdm(
            total=self.params["steps"],
            desc=f"epoch {epoch + 1}/{self._epochs}",
            unit="batch",
            leave=False,
            disable=not sys.stderr.isatty(),
        )

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update(batch + 1 - self._bar.n)

    def on_epoch_end(self, epoch, logs=None):
        self._bar.close()
        row = {"epoch": epoch + 1} | {name: float(logs[key]) for name, key in COLUMNS.items()}
        self.rows.append(row)
        seconds = time.perf_counter() - self._began
        self._on_epoch(row, self._num_images / seconds)
        figures = "  ".join(f"{name} {row[name]:.4f}" for name in COLUMNS)
        print(f"epoch {epoch + 1:2}/{self._epochs}  {figures}  {seconds:.1f} s", flush=True)
