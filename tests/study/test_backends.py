"""Keras' other backends train through one parameter, and TensorFlow scores what they trained.

PyTorch is not in the lock: it is tested where it is installed.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from scipy.stats import t

from mnist_study.data import splits
from mnist_study.nets import backend
from mnist_study.nets.compute import keras
from mnist_study.params import load
from mnist_study.scores import prediction
from studykit.files import md5
from tests.tiny_study import ROOT

MODELS = ("models/dense.keras", "models/cnn.keras")
STAGE = """
import sys
from mnist_study.nets import backend
from mnist_study.params import load

net, params = sys.argv[1], load()
backend.choose(params.compute.backend)
from mnist_study.nets import networks
from mnist_study.nets import training

training.run_stage(
    net,
    getattr(networks, f"build_{net}"),
    params=getattr(params, f"train_{net}"),
    compute=params.compute,
    on_epoch=lambda row, images_per_second: None,
)
"""


@pytest.fixture(scope="module", params=["jax", "torch"])
def other(request):
    """A backend that is installed."""
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed: pip install '.[{request.param}]'")
    return request.param


@pytest.fixture(scope="module")
def repro(tiny_repro, other, tmp_path_factory):
    """The tiny study on that backend, what `dvc repro` said, and its messages."""
    study = tiny_repro.study.copy(tmp_path_factory.mktemp(other) / "study")
    study.set_params(compute__backend=other)
    done = study("dvc repro --quiet")
    return study, done.stdout, done.stderr


def test_the_stages_say_what_they_do_and_nothing_of_their_libraries(repro):
    _, said, complained = repro
    assert "epoch  2/2" in said
    assert complained == ""


@pytest.mark.parametrize("net", ["dense", "cnn"])
def test_tensorflow_sees_in_the_net_what_the_backend_saw(repro, net):
    study, _, _ = repro
    val = splits.load(study.root / "data/processed/val.npz")
    model = keras.saving.load_model(study.root / f"models/{net}.keras", compile=False)
    probabilities = prediction.predict(model, val)
    loss = -np.log(probabilities[np.arange(len(val)), val.y].astype(np.float64)).mean()
    seen = json.loads(study.read(f"metrics/train_{net}.json"))["val"]
    assert seen["loss"] == pytest.approx(loss, rel=1e-5)
    assert seen["accuracy"] == pytest.approx((probabilities.argmax(axis=1) == val.y).mean())


def test_the_net_is_another_than_tensorflows(repro, tiny_repro):
    study, _, _ = repro
    for model in MODELS:
        assert md5(study.root / model) != md5(tiny_repro.study.root / model)


def test_a_single_core_gives_the_same_bytes(repro):
    study, _, _ = repro
    first = [md5(study.root / model) for model in MODELS]
    for stage in ("train_dense", "train_cnn"):
        study(f"taskset -c 0 python -m stages.{stage}")
    assert [md5(study.root / model) for model in MODELS] == first


def test_the_report_names_the_backend_that_trained(repro, other):
    study, _, _ = repro
    libraries = load(ROOT / "params.yaml").libraries
    (versions,) = [line for line in study.read("report/index.html").splitlines()
                   if line.startswith("<p>Versions:")]  # fmt: skip
    assert f"{other} {getattr(libraries, other)}" in versions
    assert f"tensorflow {libraries.tensorflow}" in versions
    assert ({"jax", "torch"} - {other}).pop() not in versions


def test_the_backend_cannot_be_changed_once_keras_is_imported():
    with pytest.raises(RuntimeError, match="expected Keras not to be imported yet, received jax"):
        backend.choose("jax")
    backend.choose("tensorflow")
    assert backend.chosen() == "tensorflow"


@pytest.mark.slow
@pytest.mark.parametrize("net", ["dense", "cnn"])
def test_the_accuracy_is_one_of_those_that_another_seed_would_give(other, net, tmp_path):
    """The whole training; its test accuracy lies in the replication's 99 % interval for a further
    seed.

    Source: G. J. Hahn, W. Q. Meeker, "Statistical Intervals", Wiley, 1991, section 4.7.
    """
    data = ROOT / "data" / "processed"
    if not (data / "test.npz").is_file():
        pytest.skip("data/processed is empty: dvc repro preprocess")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "processed").symlink_to(data)
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    asked = params.replace("  backend: tensorflow\n", f"  backend: {other}\n")
    assert asked != params
    (tmp_path / "params.yaml").write_text(asked, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-c", STAGE, net], cwd=tmp_path, env=environment, check=True)

    model = keras.saving.load_model(tmp_path / f"models/{net}.keras", compile=False)
    test = splits.load(data / "test.npz")
    accuracy = (prediction.predict(model, test).argmax(axis=1) == test.y).mean()
    replicated = json.loads((ROOT / "metrics/replicate.json").read_text(encoding="utf-8"))
    seeds, found = replicated["seeds"], replicated[net]["test"]["accuracy"]
    margin = t.ppf(0.995, seeds - 1) * found["sd"] * (1 + 1 / seeds) ** 0.5
    print(f"{net} on {other}: {accuracy:.4f}, expected {found['mean']:.4f} ± {margin:.4f}")
    assert accuracy == pytest.approx(found["mean"], abs=margin)
