"""What nets say is kept from run to run, and is never anything but what they would say."""

from types import SimpleNamespace

import numpy as np
import pytest

from imagesets.splits import Split
from mnist_study.compute import keras
from mnist_study.nets import classifier
from mnist_study.scores import answers, prediction
from mnist_study.scores.anatomy import COLUMNS
from studykit.kept import FOLDER

COMPUTE = SimpleNamespace(deterministic=True, instruction_set="AVX2")


def images(number, seed):
    rng = np.random.default_rng(seed)
    return Split(
        rng.integers(256, size=(number, 4, 5, 1), dtype=np.uint8),
        rng.integers(3, size=number, dtype=np.uint8),
        ("a", "b", "c"),
    )


TEST, DISTURBED = images(30, seed=1), images(40, seed=2)


def save(path, seed):
    keras.utils.set_random_seed(seed)
    model = classifier("net", [keras.layers.Flatten()], image_shape=(4, 5, 1), num_classes=3)
    model.save(path)
    return model


@pytest.fixture
def models(tmp_path, monkeypatch):
    """Two nets, in a repository in which DVC runs a stage."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    paths = {net: str(tmp_path / f"{net}.keras") for net in ("first", "second")}
    for seed, path in enumerate(paths.values()):
        save(path, seed)
    return paths


@pytest.fixture
def loaded(monkeypatch):
    """The paths of the models that are loaded, as they are."""
    paths = []

    def load(path):
        paths.append(path)
        return prediction.load(path)

    monkeypatch.setattr(answers, "load", load)
    return paths


def ask(models, test=TEST, disturbed=DISTURBED, compute=COMPUTE):
    return answers.ask(models, test, disturbed, compute)


def assert_same(first, second):
    assert first.keys() == second.keys()
    for net in first:
        assert list(first[net]) == list(second[net]) == ["probabilities", "disturbed", *COLUMNS]
        for name, array in first[net].items():
            assert array.dtype == second[net][name].dtype
            np.testing.assert_array_equal(array, second[net][name])


def test_the_answers_are_those_of_the_model(models):
    said = ask(models)["first"]
    model = prediction.load(models["first"])
    np.testing.assert_array_equal(said["probabilities"], prediction.predict(model, TEST))
    likeliest = prediction.predict(model, DISTURBED).argmax(axis=1)
    np.testing.assert_array_equal(said["disturbed"], likeliest)
    assert (said["probabilities"].dtype, said["disturbed"].dtype) == (np.float32, np.uint8)
    assert said["kind"].tolist() == ["Rescaling", "Flatten", "Dense"]
    assert said["parameters"].tolist() == [0, 0, 63]


def test_nets_that_have_been_asked_are_not_loaded_again(models, loaded, tmp_path):
    first = ask(models)
    assert loaded == list(models.values())
    assert_same(first, ask(models))
    assert loaded == list(models.values())
    assert sum(file.stat().st_size for file in (tmp_path / FOLDER).iterdir()) < 10_000


def test_another_model_in_the_same_file_is_asked_anew(models, loaded):
    ask(models)
    loaded.clear()
    other = save(models["second"], seed=7)
    said = ask(models)
    assert loaded == [models["second"]]
    np.testing.assert_array_equal(said["second"]["probabilities"], prediction.predict(other, TEST))


@pytest.mark.parametrize(
    "other",
    [
        {"test": images(30, seed=3)},
        {"disturbed": images(40, seed=3)},
        {"compute": SimpleNamespace(deterministic=True, instruction_set="SSE41")},
        {"compute": SimpleNamespace(deterministic=False, instruction_set="AVX2")},
    ],
    ids=str,
)
def test_other_images_or_settings_are_asked_about_anew(models, loaded, other):
    ask(models)
    loaded.clear()
    ask(models, **other)
    assert loaded == list(models.values())


def changed(file):
    """With another byte in the first array's numbers."""
    return file[:300] + bytes([file[300] ^ 1]) + file[301:]


@pytest.mark.parametrize("damage", [changed, lambda file: file[:-1], lambda file: b""])
def test_what_is_spoilt_is_asked_anew(models, loaded, tmp_path, damage):
    first = ask(models)
    for file in (tmp_path / FOLDER).iterdir():
        file.write_bytes(damage(file.read_bytes()))
    loaded.clear()
    assert_same(first, ask(models))
    assert loaded == list(models.values())


def test_outside_of_dvc_all_are_asked(models, loaded, tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_ROOT")
    assert_same(ask(models), ask(models))
    assert len(loaded) == 4
    assert not (tmp_path / FOLDER).exists()
