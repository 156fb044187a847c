import json
import time
import zipfile

import numpy as np
import pytest

from mnist_study.compute import keras
from mnist_study.nets import cnn
from mnist_study.training import keras_file


@pytest.fixture(scope="module")
def model():
    params = cnn.Params(
        filters=[2, 3],
        pool_size=2,
        kernel_sizes=[5, 3],
        units=4,
        dropout=0.2,
        activation="relu",
        optimizer="adam",
        learning_rate=0.001,
        batch_size=32,
        shards=1,
        jit_compile=False,
        epochs=1,
    )
    keras.utils.set_random_seed(0)
    model = cnn.build(params, image_shape=(28, 28, 1), num_classes=10)
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)  # as the first step of training does
    return model


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "cnn.keras"
    keras_file.save(path, model)
    return path


def read(path, name):
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(name))


def shared_object_ids(node):
    """Their values, in the order in which they appear."""
    if isinstance(node, list):
        return [number for item in node for number in shared_object_ids(item)]
    if not isinstance(node, dict):
        return []
    return [
        number
        for key, value in node.items()
        for number in ([value] if key == "shared_object_id" else shared_object_ids(value))
    ]


def test_plain_keras_loads_the_file_and_predicts_the_same(model, saved):
    x = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1), dtype=np.uint8)
    loaded = keras.saving.load_model(saved)
    assert np.array_equal(np.asarray(loaded(x)), np.asarray(model(x)))


def test_a_loaded_model_is_compiled_to_train_on(saved):
    loaded = keras.saving.load_model(saved)
    assert type(loaded.optimizer) is keras.optimizers.Adam
    assert loaded.loss == "categorical_crossentropy"


def test_the_entries_are_in_alphabetical_order_and_dated_to_the_zip_epoch(saved):
    with zipfile.ZipFile(saved) as archive:
        entries = [(entry.filename, entry.date_time) for entry in archive.infolist()]
    earliest = (1980, 1, 1, 0, 0, 0)
    assert entries == [
        ("config.json", earliest),
        ("metadata.json", earliest),
        ("model.weights.h5", earliest),
    ]


def test_the_metadata_hold_the_version_of_keras_and_no_date(saved):
    assert read(saved, "metadata.json") == {"keras_version": keras.__version__}


def test_the_same_model_gives_the_same_bytes_at_another_time(model, saved, tmp_path):
    time.sleep(1.1)  # the times that Keras and HDF5 write are in whole seconds
    keras_file.save(tmp_path / "later.keras", model)
    assert (tmp_path / "later.keras").read_bytes() == saved.read_bytes()


def test_other_weights_give_other_bytes(model, saved, tmp_path):
    other = keras.models.clone_model(model)
    other.compile("adam", "categorical_crossentropy", ["accuracy"])
    other.optimizer.build(other.trainable_variables)
    keras_file.save(tmp_path / "other.keras", other)
    assert (tmp_path / "other.keras").read_bytes() != saved.read_bytes()


def test_shared_objects_are_numbered_by_appearance_and_shared_as_before(model, saved, tmp_path):
    model.save(tmp_path / "plain.keras")
    addresses = shared_object_ids(read(tmp_path / "plain.keras", "config.json"))
    numbers = shared_object_ids(read(saved, "config.json"))
    assert min(addresses) > 1000  # what Keras writes: where in memory an object happened to be
    appeared = list(dict.fromkeys(addresses))
    assert numbers == [appeared.index(address) + 1 for address in addresses]


def test_objects_that_are_not_shared_keep_numbers_of_their_own():
    config = [{"shared_object_id": 140_002}, {"a": {"shared_object_id": 140_001}}]
    config.append({"shared_object_id": 140_002, "b": [1, "x", None]})
    assert keras_file._renumber(config, {}) == [
        {"shared_object_id": 1},
        {"a": {"shared_object_id": 2}},
        {"shared_object_id": 1, "b": [1, "x", None]},
    ]


def test_nothing_but_the_model_is_left_in_its_folder(saved):
    assert [path.name for path in saved.parent.iterdir()] == ["cnn.keras"]
