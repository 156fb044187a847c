"""Results that no training made: any nets, classes and images, as the report reads them."""

from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from mnist_study import verdicts
from mnist_study.compute import keras
from mnist_study.replication import HISTORIES, MEASURED_ON, TRIALS, summarise
from mnist_study.report import findings, page
from mnist_study.report.figures import panels, pictures
from mnist_study.scores import calibration
from mnist_study.scores.claims import STATEMENTS, Claim
from mnist_study.scores.outputs import LARGEST
from mnist_study.scores.robustness import AMOUNTS
from mnist_study.scores.uncertainty import paired_difference, wilson_interval
from mnist_study.study import NETS
from netserve.stored import read_network
from studykit.files import write_arrays, write_csv, write_json

TITLES = {
    "dense": "dense net",
    "cnn": "CNN",
    "softmax": "softmax regression",
    "residual": "residual net",
    "wide": "wide dense net",
}
EPOCHS, SAMPLES, CONFIDENCE = 8, 12, 0.95
SETTINGS = {
    "preprocess": {"val_fraction": 0.15, "seed": 3},
    "compute": {"seed": 4},
    "libraries": {"numpy": "2"},
}


def train(net):
    """The name of a net's section of the parameters, and what it holds."""
    special = {"cnn": {"filters": [7], "dropout": 0.2}, "wide": {"units": 300, "odd_one": "x"}}
    return f"train_{net}", {"epochs": EPOCHS, "jit_compile": True} | special.get(net, {})


@contextmanager
def studied(nets):
    """Other nets than the study's: net to title."""
    before = dict(NETS)
    NETS.clear()
    NETS.update(nets)
    try:
        yield
    finally:
        NETS.clear()
        NETS.update(before)


def some(number):
    """The first nets, as net to title."""
    return dict(list(TITLES.items())[:number])


def make_page(folder, *, nets, differences=(), prepare=None, **made):
    """Make results in a folder and write figures and pages of them, as the stage `report` does.

    Args:
        folder: that is there.
        nets: net to title.
        differences: of the repetitions, in words.
        prepare: imagesets.catalogue.Prepare, of images that are drawn.
        made: what make_results takes.

    Returns:
        Findings.
    """
    with studied(nets), pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(verdicts, "differences", lambda *_: list(differences))
        make_results(nets, **made)
        stated = state(made.get("claims", ()), nets)
        patch.setattr(findings, "find", lambda _: SimpleNamespace(prepare=prepare))
        patch.setattr(findings.claims, "state", lambda entry: stated)
        results = findings.read_findings({"data": {"name": "shapes"}})
        drawn = panels.draw_panels(results, confidence=CONFIDENCE, bins=10)
        most = SimpleNamespace(errors=16, confident_errors=8, disagreements=8)
        grids = pictures.choose(results, most)
        panels.write_figures("plots/report", results, drawn, grids)
        shown = {"panels": drawn, "grids": grids, "settings": SETTINGS | dict(map(train, nets))}
        page.write_pages("report", results, confidence=CONFIDENCE, **shown)
    return results


def make_results(
    nets, *, classes, shape=(28, 28, 1), noun="image", title="Shapes", tests=300, claims=(),
    repeated=(), right=0.8, step=0.02, epochs=EPOCHS, gap=0.02, weak=(),
):  # fmt: skip
    """Write metrics, tables and images of random answers into the current folder.

    Args:
        nets: net to title.
        classes: their names, by label.
        shape: height, width and channels of an image.
        noun, title: of the data.
        tests: how many test images; each class has one at least.
        claims: names of claims.
        repeated: nets of which there are repetitions.
        right: how often the first net is.
        step: how much more often each net is than the one before it.
        epochs: of training.
        gap: how much less often a net is right on validation than in training.
        weak: (net, kind) of disturbances that a net does not stand at all.
    """
    rng = np.random.default_rng(0)
    side = dict(zip(("height", "width", "channels"), shape, strict=True))
    about = {"name": title.lower(), "title": title, "noun": noun, "licence": "", "cite": ""}
    write_json("plots/preprocess/data.json", about | {"classes": list(classes)} | side)
    labels = rng.permutation(np.arange(tests) % len(classes))
    images = _draw(rng, labels, len(classes), shape)
    first = _draw(rng, np.repeat(np.arange(len(classes)), 10), len(classes), shape)
    write_arrays("plots/preprocess/images.npz", images=first.reshape(-1, 10, *shape))
    split = {"images": tests, "images_per_class": _count(labels, classes)}
    write_json("plots/preprocess/splits.json", dict.fromkeys(("train", "val", "test"), split))
    tables, evaluated = {}, {}
    for place, net in enumerate(nets):
        tables[net] = _answer(rng, labels, len(classes), right + step * place)
        evaluated[net] = {"test": _score(tables[net]), "multiply_adds": 10 ** (4 + place)}
        _write_history(rng, net, epochs, gap)
        _write_layers(net, shape, len(classes), place)
        _write_model(net, shape, len(classes), convolves=net == "cnn")
    write_json("plots/evaluate/scores.json", evaluated | _differences(tables))
    for net, table in tables.items():
        write_csv(f"plots/evaluate/{net}_predictions.csv", table)
    wrong = [np.flatnonzero(table["label"] != table["prediction"]) for table in tables.values()]
    sampled = rng.permutation(tests)[:SAMPLES]
    shown = np.unique(np.concatenate([sampled, *wrong]))
    write_arrays("plots/evaluate/examples.npz", x=images[shown], index=shown, sampled=sampled)
    _write_robustness(nets, weak)
    write_json("plots/evaluate/inputs.json", {f"models/{net}.keras": "0" * 32 for net in nets})
    verdict = {"claimed": 6, "measured": 5, "low": 4, "high": 7, "verdict": "reproduced"}
    share = {"claimed": 0.8, "measured": 0.81, "low": 0.79, "high": 0.83, "verdict": "undecided"}
    kinds = {True: verdict, False: share}
    write_json(
        "plots/evaluate/claims.json", {name: kinds[name.endswith("epoch")] for name in claims}
    )
    _write_repetitions(rng, repeated, state(claims, nets))
    write_json(MEASURED_ON, {"params": {"data.name": about["name"]}})


def state(names, nets):
    """Claims of these names, as scores.claims.state returns them."""
    claims = {}
    for name in names:
        of, _, quantity = name.partition("_")
        claimed = 6 if quantity == "overfit_epoch" else 0.8
        statement = STATEMENTS[quantity].format(claimed=claimed, of=nets.get(of, of))
        claims[name] = Claim(quantity, of, claimed, statement)
    return claims


def _draw(rng, labels, num_classes, shape):
    """A bright bar on noise, whose height and colour go with the class: uint8 (n, *shape)."""
    images = rng.integers(0, 60, (len(labels), *shape)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        top = int(label * (shape[0] - 2) / num_classes)
        image[top : top + max(2, shape[0] // 6), shape[1] // 8 :, label % shape[2]] = 230
    return images


def _count(labels, classes):
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    return dict(zip(classes, counts, strict=True))


def _answer(rng, labels, num_classes, right):
    """Predictions that are right so often; else mostly the next class."""
    other = (labels + rng.integers(1, min(4, num_classes), len(labels))) % num_classes
    prediction = np.where(rng.random(len(labels)) < right, labels, other)
    confidence = rng.uniform(0.3, 1, len(labels))
    return pd.DataFrame({"label": labels, "prediction": prediction, "confidence": confidence})


def _score(table):
    correct = int((table["label"] == table["prediction"]).sum())
    interval = wilson_interval(correct, len(table), confidence=CONFIDENCE)
    return {
        "loss": 0.5,
        "accuracy": correct / len(table),
        "accuracy_low": interval.low,
        "accuracy_high": interval.high,
        "errors": len(table) - correct,
        **calibration.score(table, bins=10, confidence=CONFIDENCE, seed=0),
    }


def _differences(tables):
    """Of all pairs; of more than three nets of each with the first."""
    correct = {net: table["label"] == table["prediction"] for net, table in tables.items()}
    pairs = list(combinations(tables, 2))
    first = next(iter(tables))
    return {
        f"{b}_minus_{a}": paired_difference(correct[a], correct[b], confidence=CONFIDENCE)._asdict()
        for a, b in pairs
        if len(tables) <= 3 or a == first
    }


def _write_robustness(nets, weak):
    """Accuracies that fall with the amount of each disturbance."""
    rows = []
    for place, net in enumerate(nets):
        for kind, amounts in AMOUNTS.items():
            for step, amount in enumerate((0, *amounts)):
                right = 10 if step and (net, kind) in weak else 90 - (10 + place) * step
                interval = wilson_interval(right, 100, confidence=CONFIDENCE)
                rows.append((net, kind, amount, 100, right / 100, *interval))
    columns = ["net", "kind", "amount", "images", "accuracy", "low", "high"]
    write_csv("plots/evaluate/robustness.csv", pd.DataFrame(rows, columns=columns))


def _write_history(rng, net, number, gap):
    epochs = np.arange(1, number + 1)
    loss = 1 / epochs + 0.02 * epochs + rng.uniform(0, 0.02, number)
    history = {"epoch": epochs, "train/loss": 1 / epochs, "train/accuracy": 1 - loss / 8}
    history |= {"val/loss": loss + 0.05, "val/accuracy": 1 - gap - loss / 8}
    write_csv(f"plots/train_{net}/history.csv", pd.DataFrame(history))


def _write_layers(net, shape, num_classes, place):
    """Layers of a dense net; `cnn` begins with a convolution."""
    height, width, channels = shape
    image = "×".join(map(str, shape))
    layers, size = [("rescaling", "Rescaling", image, 0, 0)], int(np.prod(shape))
    if net == "cnn":
        size = 7 * (height // 2 - 1) * (width // 2 - 1)
        sides = f"{height - 2}×{width - 2}×7", f"{height // 2 - 1}×{width // 2 - 1}×7"
        weights = 7 * (9 * channels + 1)
        layers.append(("convolution_1", "Conv2D", sides[0], weights, 63 * height * width))
        layers.append(("pooling_1", "MaxPooling2D", sides[1], 0, 0))
    layers += [
        ("flatten", "Flatten", str(size), 0, 0),
        ("hidden_1", "Dense", "30", 30 * size + 30, 30 * size),
        ("dropout", "Dropout", "30", 0, 0),
        ("probability", "Dense", str(num_classes), 31 * num_classes, 30 * num_classes),
    ]
    if net == "wide":
        layers = [layer for layer in layers if layer[0] != "dropout"]
    columns = ["layer", "kind", "output", "parameters", "multiply_adds"]
    write_csv(f"plots/evaluate/{net}_layers.csv", pd.DataFrame(layers, columns=columns))
    parameters = sum(layer[3] for layer in layers) * (2 + place % 4) // 2
    val = {"accuracy": 0.9, "loss": 0.4, "best_epoch": 5, "parameters": parameters}
    write_json(f"metrics/val/{net}.json", val)


def _write_model(net, shape, num_classes, *, convolves):
    """A net that nothing has trained, small enough for a page."""
    first = [keras.layers.Conv2D(7, 3, activation="relu")] if convolves else []
    layers = [
        keras.layers.Rescaling(1 / 255),
        *first,
        keras.layers.MaxPooling2D(max(1, shape[0] // 8)),
        keras.layers.Flatten(),
        keras.layers.Dense(30, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(num_classes, activation="softmax"),
    ]
    Path("models").mkdir(exist_ok=True)
    keras.Sequential([keras.Input(shape, dtype="uint8"), *layers]).save(f"models/{net}.keras")
    network = read_network(f"models/{net}.keras", most=LARGEST)
    write_json(f"plots/evaluate/{net}_network.json", network)


def _write_repetitions(rng, nets, claims, seeds=4):
    """The tables of repetitions of some nets, of another study's too, and their summary."""
    trials = [
        (f"t{s}", s, s, net, 0.8 + rng.uniform(0, 0.05)) for s in range(seeds) for net in nets
    ]
    columns = ["trial", "split_seed", "weights_seed", "net", "test/accuracy"]
    trials = pd.DataFrame(trials, columns=columns)
    losses = [
        (f"t{s}", net, epoch, 0.1, 0.9, 1 / epoch + 0.02 * epoch + rng.uniform(0, 0.02), 0.9)
        for s in range(seeds) for net in nets for epoch in range(1, EPOCHS + 1)
    ]  # fmt: skip
    measures = [
        f"{split}/{measure}" for split in ("train", "val") for measure in ("loss", "accuracy")
    ]
    histories = pd.DataFrame(losses, columns=["trial", "net", "epoch", *measures])
    write_csv(Path(TRIALS), trials)
    write_csv(Path(HISTORIES), histories)
    summary = {"seeds": seeds, "claims": {}}
    if nets:
        summary = summarise(trials, histories, claims=claims, confidence=CONFIDENCE)
    write_json("plots/replicate/summary.json", summary)
