"""What is read of a stored network is what Keras saved."""

import base64
import hashlib

import numpy as np
import pytest

from mnist_study.compute import keras
from netserve.stored import read_network

LAYERS = keras.layers
MOST = 1_000_000


@pytest.fixture
def save(tmp_path):
    def save(model):
        path = tmp_path / "net.keras"
        model.save(path)
        return path

    return save


def decode(text, shape):
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)


def test_layers_come_in_their_order_each_with_its_own_weights(save):
    """Of more than ten layers of a kind, and of names that no kind has."""
    dense = [LAYERS.Dense(3 + number, name=f"z{12 - number}") for number in range(12)]
    model = keras.Sequential([keras.Input((8, 8, 1)), LAYERS.Flatten(), *dense])
    read = read_network(save(model), most=MOST)["layers"]
    assert [layer["kind"] for layer in read] == ["InputLayer", "Flatten", *["Dense"] * 12]
    assert [layer["name"] for layer in read[2:]] == [layer.name for layer in dense]
    for layer, saved in zip(dense, read[2:], strict=True):
        kernel, bias = layer.get_weights()
        assert np.array_equal(decode(saved["weights"][0], kernel.shape), kernel)
        assert np.array_equal(decode(saved["weights"][1], bias.shape), bias)


def test_what_configures_a_layer_is_kept_and_what_trains_it_is_not(save):
    layer = LAYERS.Conv2D(2, (3, 2), strides=2, padding="same", activation="elu", name="first")
    model = keras.Sequential([keras.Input((8, 8, 1)), layer])
    first = read_network(save(model), most=MOST)["layers"][1]
    assert first["kernel_size"] == [3, 2]
    assert (first["strides"], first["padding"], first["activation"]) == ([2, 2], "same", "elu")
    assert not [key for key in first if key.endswith(("initializer", "regularizer"))]


def test_a_network_has_the_md5_of_its_file(save):
    path = save(keras.Sequential([keras.Input((4,)), LAYERS.Dense(2)]))
    read = read_network(path, most=MOST)
    assert read["md5"] == hashlib.md5(path.read_bytes()).hexdigest()
    assert read["bytes"] == 4 * (4 * 2 + 2)


def test_weights_that_are_larger_than_wanted_are_left_out(save):
    path = save(keras.Sequential([keras.Input((4,)), LAYERS.Dense(2)]))
    larger = read_network(path, most=39)
    assert (larger["bytes"], larger["layers"]) == (40, [])
    assert len(read_network(path, most=40)["layers"]) == 2


def test_a_network_that_is_no_sequence_is_a_layer_of_its_own_kind(save):
    image = keras.Input((4,))
    model = keras.Model(image, LAYERS.Add()([image, LAYERS.Dense(4)(image)]))
    layers = read_network(save(model), most=MOST)["layers"]
    assert layers == [{"kind": "Functional", "name": "Functional", "weights": []}]
