"""Train a network and record what happened, epoch by epoch."""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from imagesets import splits
from mnist_study.compute import configure, keras
from mnist_study.training import keras_file, loops
from mnist_study.training.forward import Forward
from studykit.errors import UserError
from studykit.files import write_csv, write_json

PROCESSED = Path("data/processed")
SCORED = 500  # images at once; another number may choose other kernels, and other last bits


def train_and_write(name, build, *, params, compute, on_epoch):
    """Train the net of a stage and write its outputs.

    Reads train and val in `data/processed/`; writes the model, its history and its metrics.

    Args:
        name: of the net.
        build: function from its parameters, image_shape and num_classes to a keras.Sequential
            that is not compiled.
        params: the net's section of the parameters.
        compute: the section on how to compute.
        on_epoch: called after each epoch with its row of the history, and how many images per
            second it learned from.
    """
    configure(compute)
    train_split, val_split = (splits.load(PROCESSED / f"{name}.npz") for name in ("train", "val"))
    model = build(params, image_shape=train_split.image_shape, num_classes=train_split.num_classes)
    history = train(
        model,
        train_split,
        val_split,
        params=params,
        seed=compute.seed,
        steps_per_execution=compute.steps_per_execution,
        on_epoch=on_epoch,
    )
    keras_file.save(f"models/{name}.keras", model)
    write_csv(f"plots/train_{name}/history.csv", history)
    write_json(f"metrics/val/{name}.json", summarise(history, model.count_params()))


def train(model, train_split, val_split, *, params, seed, steps_per_execution, on_epoch):
    """Compile a network and fit it.

    Args:
        model: keras.Sequential from uint8 images to class probabilities; its weights are changed.
        train_split: Split to learn from.
        val_split: Split that is scored after each epoch.
        params: the net's section of the parameters.
        seed: of the orders in which the images come, another in each epoch.
        steps_per_execution: batches that TensorFlow works off per call from Python. It changes
            the speed and no bit of the result.
        on_epoch: called after each epoch with its row of the history as a dict, and how many images
            per second it learned from.

    Returns:
        pandas.DataFrame, a row per epoch: epoch from 1, loss (mean categorical cross-entropy, in
        nats) and accuracy on train, as they were while learning, and on val.

    Raises:
        UserError: a loss is infinite or not a number; the epochs before were passed on.
    """
    learn, score = _loops(model, train_split, val_split, params)
    to_score = loops.in_batches(np.arange(len(val_split)), SCORED)
    rng = np.random.default_rng(seed)
    rows = []
    for epoch in range(1, params.epochs + 1):
        began = time.perf_counter()
        batches = loops.in_batches(rng.permutation(len(train_split)), params.batch_size)
        with _bar(len(batches), f"epoch {epoch}/{params.epochs}") as bar:
            loss, accuracy = learn(
                batches,
                steps_per_execution=steps_per_execution,
                on_steps=lambda done, bar=bar: bar.update(done - bar.n),
            )
        learned = time.perf_counter()
        val_loss, val_accuracy = score(to_score, steps_per_execution=len(to_score))
        row = {
            "epoch": epoch,
            "train/loss": loss,
            "train/accuracy": accuracy,
            "val/loss": val_loss,
            "val/accuracy": val_accuracy,
        }
        _check_is_finite(row, model.name, params.learning_rate)
        rows.append(row)
        on_epoch(row, images_per_second=len(train_split) / (learned - began))
        _print(row, params.epochs, time.perf_counter() - began)
    return pd.DataFrame(rows)


def summarise(history, num_parameters):
    """Condense a history into metrics.

    Returns:
        dict: accuracy and loss on val in the end, the epoch of the lowest loss (from 1), and the
        parameter count.
    """
    return {
        "accuracy": history["val/accuracy"].iloc[-1],
        "loss": history["val/loss"].iloc[-1],
        "best_epoch": int(history["epoch"][history["val/loss"].idxmin()]),
        "parameters": num_parameters,
    }


def _loops(model, train_split, val_split, params):
    """Compile the network; return what learns from train, and what scores val."""
    optimizer = keras.optimizers.get(
        {"class_name": params.optimizer, "config": {"learning_rate": params.learning_rate}}
    )
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    network = Forward(model, params.shards)
    learn = loops.Learning(
        network,
        train_split,
        jit_compile=params.jit_compile,
        optimizer=optimizer,
        variables=model.trainable_variables,
    )
    return learn, loops.Scoring(network, val_split, jit_compile=False)


def _check_is_finite(row, net, learning_rate):
    losses = row["train/loss"], row["val/loss"]
    if not np.isfinite(losses).all():
        raise UserError(
            f"params.yaml: train_{net}.learning_rate: expected a finite loss, received "
            f"{losses[0]:g} on train and {losses[1]:g} on val in epoch {row['epoch']} with "
            f"{learning_rate:g}; take a lower rate"
        )


def _print(row, epochs, seconds):
    """A line an epoch, for logs as for terminals."""
    figures = "  ".join(f"{name} {row[name]:.4f}" for name in list(row)[1:])
    print(f"epoch {row['epoch']:2}/{epochs}  {figures}  {seconds:.1f} s", flush=True)


def _bar(num_batches, text):
    """A bar on a terminal; in a log nothing."""
    quiet = not sys.stderr.isatty()
    return tqdm(total=num_batches, desc=text, unit="batch", leave=False, disable=quiet)
