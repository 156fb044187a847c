import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from imagesets import splits
from imagesets.partition import split_train_val
from imagesets.splits import Split
from mnist_study.compute import keras
from mnist_study.nets import cnn, dense
from mnist_study.training import fit

DATA = {"image_shape": (28, 28, 1), "num_classes": 10}
COLUMNS = ["epoch", "train/loss", "train/accuracy", "val/loss", "val/accuracy"]
DENSE = {
    "hidden_layers": 2,
    "units": 30,
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.005,
    "batch_size": 32,
    "shards": 1,
    "jit_compile": True,
    "epochs": 3,
}
CNN = {
    "filters": [4, 8],
    "pool_size": 2,
    "kernel_sizes": [5, 3],
    "units": 16,
    "dropout": 0.2,
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.005,
    "batch_size": 32,
    "shards": 2,
    "jit_compile": False,
    "epochs": 2,
}
OVERFIT = {
    "units": 30,
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.005,
    "batch_size": 16,
    "shards": 1,
    "jit_compile": True,
    "epochs": 1,
}

# Trains both nets in a process of its own, the dense net with the given steps per execution.
STAGES = f"""
import sys
from mnist_study.nets import cnn, dense
from mnist_study.training import fit
from mnist_study.training.params import Compute

for name, net, params, steps in (
    ("cnn", cnn, {CNN}, 4),
    ("dense", dense, {DENSE}, int(sys.argv[1])),
):
    compute = Compute(
        seed=0,
        deterministic=True,
        instruction_set="AVX2",
        steps_per_execution=steps,
    )
    fit.train_and_write(
        name,
        net.build,
        params=net.Params(**params),
        compute=compute,
        on_epoch=lambda row, images_per_second: None,
    )
"""


@pytest.fixture(scope="module")
def parts(tiny_train):
    """510 images for training, 90 for validation."""
    rows = split_train_val(tiny_train, val_fraction=0.15, seed=0)
    return [Split(split.x[:], split.y, split.classes) for split in rows]


@pytest.fixture(scope="module")
def stages(repository, parts, tmp_path_factory):
    """Two fresh processes that train both nets; each one's folder, output and messages."""
    processes = []
    for steps in (1, 5):
        folder = tmp_path_factory.mktemp("stages")
        for name, split in zip(("train", "val"), parts, strict=True):
            splits.save(folder / "data" / "processed" / f"{name}.npz", split)
        process = subprocess.Popen(
            [sys.executable, "-c", STAGES, str(steps)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(repository / "src"), "PYTHONHASHSEED": str(steps)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append((folder, process))
    done = []
    for folder, process in processes:
        stdout, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
        done.append((folder, stdout, stderr))
    return done


@pytest.fixture(scope="module")
def trained(parts):
    """A net trained here, its history, and what on_epoch received."""
    told = []
    keras.utils.set_random_seed(0)
    model = dense.build(dense.Params(**DENSE), **DATA)
    history = fit.train(
        model,
        *parts,
        params=dense.Params(**DENSE),
        seed=0,
        steps_per_execution=10,
        on_epoch=lambda row, images_per_second: told.append((row, images_per_second)),
    )
    return model, history, told


def both(stages, path):
    return [(folder / path).read_bytes() for folder, _, _ in stages]


def test_the_history_has_a_row_per_epoch_from_1(trained):
    _, history, _ = trained
    assert history.columns.tolist() == COLUMNS
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history.dtypes.astype(str).tolist() == ["int64"] + ["float64"] * 4


def test_the_last_row_scores_the_trained_net_on_val(trained, parts):
    model, history, _ = trained
    _, val = parts
    probabilities = np.asarray(model(val.x), np.float64)
    loss = -np.log(probabilities[np.arange(len(val)), val.y]).mean()
    accuracy = (probabilities.argmax(axis=1) == val.y).mean()
    assert history["val/loss"].iloc[-1] == pytest.approx(loss, rel=1e-5)
    assert history["val/accuracy"].iloc[-1] == pytest.approx(accuracy, abs=1e-6)


def test_the_net_learns(trained):
    _, history, _ = trained
    assert history["train/loss"].is_monotonic_decreasing
    assert history["val/accuracy"].iloc[-1] > 0.8  # by chance 0.1


def test_each_epoch_is_told_as_a_row_and_a_rate(trained):
    _, history, told = trained
    assert [row for row, _ in told] == history.to_dict("records")
    assert all(rate > 0 for _, rate in told)


def test_the_net_is_compiled_as_the_parameters_say(trained):
    model, _, _ = trained
    assert type(model.optimizer).__name__ == "Adam"
    assert float(model.optimizer.learning_rate) == pytest.approx(0.005)
    assert model.optimizer.iterations == 3 * 16  # 510 images in batches of 32
    assert model.loss == "categorical_crossentropy"


@pytest.mark.parametrize(
    ("build", "params"),
    [
        pytest.param(dense.build, dense.Params(**OVERFIT | {"hidden_layers": 5}), id="dense"),
        pytest.param(
            cnn.build,
            cnn.Params(**CNN | OVERFIT | {"dropout": 0.0}),
            id="cnn",
        ),
    ],
)
@pytest.mark.parametrize(
    ("image_shape", "num_classes"),
    [
        pytest.param((28, 28, 1), 10, id="28×28×1 of 10"),
        pytest.param((20, 24, 3), 47, id="20×24×3 of 47"),
    ],
)
def test_a_small_batch_with_random_labels_can_be_overfitted(
    build, params, image_shape, num_classes
):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (16, *image_shape), dtype=np.uint8)
    y = rng.integers(0, num_classes, 16, dtype=np.uint8)
    keras.utils.set_random_seed(0)
    history = fit.train(
        build(params, image_shape=image_shape, num_classes=num_classes),
        Split(np.tile(x, (150, 1, 1, 1)), np.tile(y, 150)),  # one long epoch
        Split(x, y),
        params=params,
        seed=0,
        steps_per_execution=50,
        on_epoch=lambda row, images_per_second: None,
    )
    assert history["val/accuracy"].tolist() == [1.0]
    assert history["val/loss"].item() < 0.05


def test_the_same_seed_gives_the_same_model_file_in_two_processes(stages):
    first, second = both(stages, "models/cnn.keras")
    assert first == second


def test_the_steps_per_execution_change_no_byte(stages):
    for path in ("models/dense.keras", "plots/train_dense/history.csv"):
        once, five_times = both(stages, path)
        assert once == five_times


def test_the_other_outputs_have_the_same_bytes_in_two_processes(stages):
    for path in ("plots/train_cnn/history.csv", "metrics/val/cnn.json"):
        first, second = both(stages, path)
        assert first == second


def test_a_stage_writes_its_outputs_and_nothing_else(stages):
    folder, _, _ = stages[0]
    written = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert written == {
        "data/processed/train.npz",
        "data/processed/val.npz",
        *(f"models/{net}.keras" for net in ("cnn", "dense")),
        *(f"plots/train_{net}/history.csv" for net in ("cnn", "dense")),
        *(f"metrics/val/{net}.json" for net in ("cnn", "dense")),
    }


def test_a_stages_model_scores_on_val_what_its_metrics_say(stages, parts):
    folder, _, _ = stages[0]
    _, val = parts
    model = keras.saving.load_model(folder / "models" / "cnn.keras")
    predictions = np.asarray(model(val.x)).argmax(axis=1)
    metrics = json.loads((folder / "metrics/val/cnn.json").read_text())
    assert metrics["accuracy"] == pytest.approx((predictions == val.y).mean(), abs=1e-6)
    assert metrics["parameters"] == model.count_params()


def test_a_stages_metrics_summarise_its_history(stages):
    folder, _, _ = stages[0]
    history = pd.read_csv(folder / "plots" / "train_dense" / "history.csv")
    metrics = json.loads((folder / "metrics/val/dense.json").read_text())
    assert len(history) == 3
    assert metrics["accuracy"] == history["val/accuracy"].iloc[-1]
    assert metrics["loss"] == history["val/loss"].iloc[-1]


def test_a_log_that_is_no_terminal_gets_a_line_per_epoch_and_no_bar(stages):
    _, stdout, stderr = stages[0]
    number = r"\d+\.\d{4}"
    figures = f"train/loss {number}  train/accuracy {number}  val/loss {number}  val/accuracy"
    lines = stdout.splitlines()
    assert [line[:10] for line in lines] == ["epoch  1/2", "epoch  2/2"] + [
        f"epoch  {epoch}/3" for epoch in (1, 2, 3)
    ]
    for line in lines:
        assert re.fullmatch(rf"epoch  ./.  {figures} {number}  \d+\.\d s", line)
    assert stderr == ""


def test_a_terminal_gets_a_bar_that_counts_the_batches(parts, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TQDM_MININTERVAL", "0")
    params = dense.Params(**DENSE | {"epochs": 1})
    fit.train(
        dense.build(params, **DATA),
        *parts,
        params=params,
        seed=0,
        steps_per_execution=8,
        on_epoch=lambda row, images_per_second: None,
    )
    shown = capsys.readouterr().err
    assert "epoch 1/1:  50%" in shown
    assert " 8/16 " in shown
    assert shown.split("\r")[-1].strip() == ""  # gone when the epoch ends


def test_a_history_is_summarised_by_its_last_epoch_and_its_best():
    history = pd.DataFrame(
        [
            (1, 0.9, 0.5, 0.8, 0.6),
            (2, 0.5, 0.7, 0.4, 0.75),
            (3, 0.3, 0.8, 0.45, 0.9),
            (4, 0.2, 0.95, 0.6, 0.85),
        ],
        columns=COLUMNS,
    )
    assert fit.summarise(history, 123) == {
        "accuracy": 0.85,
        "loss": 0.6,
        "best_epoch": 2,
        "parameters": 123,
    }
