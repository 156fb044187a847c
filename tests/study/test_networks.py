import numpy as np
import pytest

from mnist_study.nets import cnn, dense

TRAINING = {
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.001,
    "batch_size": 32,
    "shards": 1,
    "jit_compile": False,
    "epochs": 20,
}
DENSE = TRAINING | {"hidden_layers": 5, "units": 30}
CNN = TRAINING | {
    "filters": [20, 40, 60],
    "pool_size": 2,
    "kernel_sizes": [5, 3, 2],
    "units": 100,
    "dropout": 0.2,
}


def build_dense(**changes):
    return dense.build(dense.Params(**DENSE | changes))


def build_cnn(**changes):
    return cnn.build(cnn.Params(**CNN | changes))


def layers(model):
    """Kind, output shape without the batch, and number of parameters of each layer."""
    return [
        (type(layer).__name__, layer.output.shape[1:], layer.count_params())
        for layer in model.layers
    ]


def names(model):
    return [layer.name for layer in model.layers]


def test_the_dense_net_is_the_studys():
    model = build_dense()
    assert layers(model) == [
        ("Rescaling", (28, 28, 1), 0),
        ("Flatten", (784,), 0),
        ("Dense", (30,), 23_550),  # (784 + 1) · 30
        ("Dense", (30,), 930),  # (30 + 1) · 30
        ("Dense", (30,), 930),
        ("Dense", (30,), 930),
        ("Dense", (30,), 930),
        ("Dense", (10,), 310),  # (30 + 1) · 10
    ]
    assert model.count_params() == 27_580


def test_the_cnn_is_the_studys():
    model = build_cnn()
    assert layers(model) == [
        ("Rescaling", (28, 28, 1), 0),
        ("Conv2D", (24, 24, 20), 520),  # (5 · 5 · 1 + 1) · 20
        ("MaxPooling2D", (12, 12, 20), 0),
        ("Conv2D", (10, 10, 40), 7_240),  # (3 · 3 · 20 + 1) · 40
        ("MaxPooling2D", (5, 5, 40), 0),
        ("Dropout", (5, 5, 40), 0),
        ("Conv2D", (4, 4, 60), 9_660),  # (2 · 2 · 40 + 1) · 60
        ("MaxPooling2D", (2, 2, 60), 0),
        ("Dropout", (2, 2, 60), 0),
        ("Flatten", (240,), 0),
        ("Dense", (100,), 24_100),  # (240 + 1) · 100
        ("Dropout", (100,), 0),
        ("Dense", (10,), 1_010),  # (100 + 1) · 10
    ]
    assert model.count_params() == 42_530


def test_every_hidden_layer_is_activated_and_only_the_last_is_a_softmax():
    for model in (build_dense(activation="tanh"), build_cnn(activation="tanh")):
        activations = [
            layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")
        ]
        assert set(activations[:-1]) == {"tanh"}
        assert activations[-1] == "softmax"


def test_the_dense_net_follows_its_depth_and_width():
    assert layers(build_dense(hidden_layers=2, units=7))[2:] == [
        ("Dense", (7,), 5_495),  # (784 + 1) · 7
        ("Dense", (7,), 56),  # (7 + 1) · 7
        ("Dense", (10,), 80),  # (7 + 1) · 10
    ]


def test_the_cnn_follows_its_filters_kernels_pools_and_units():
    assert layers(build_cnn(filters=[4, 6], kernel_sizes=[7, 4], pool_size=3, units=8))[1:] == [
        ("Conv2D", (22, 22, 4), 200),  # (7 · 7 · 1 + 1) · 4
        ("MaxPooling2D", (7, 7, 4), 0),
        ("Conv2D", (4, 4, 6), 390),  # (4 · 4 · 4 + 1) · 6
        ("MaxPooling2D", (1, 1, 6), 0),
        ("Dropout", (1, 1, 6), 0),
        ("Flatten", (6,), 0),
        ("Dense", (8,), 56),  # (6 + 1) · 8
        ("Dropout", (8,), 0),
        ("Dense", (10,), 90),  # (8 + 1) · 10
    ]


def test_dropout_follows_every_pooling_but_the_first_and_the_dense_layer():
    order = names(build_cnn())
    before = [order[index - 1] for index, name in enumerate(order) if name.startswith("dropout")]
    assert before == ["pooling_2", "pooling_3", "hidden"]


def test_every_dropout_has_the_rate_of_the_parameters():
    rates = [layer.rate for layer in build_cnn(dropout=0.35).layers if "dropout" in layer.name]
    assert rates == [0.35, 0.35, 0.35]


@pytest.mark.parametrize("build", [build_dense, build_cnn])
def test_a_net_takes_raw_bytes(build):
    (image,) = build().inputs
    assert image.dtype == "uint8"
    assert image.shape == (None, 28, 28, 1)


@pytest.mark.parametrize("build", [build_dense, build_cnn])
def test_scaling_to_1_is_part_of_the_net(build):
    first = build().layers[0]
    x = np.array([0, 51, 255], np.uint8).repeat(784).reshape(3, 28, 28, 1)
    y = np.asarray(first(x))
    assert y.dtype == np.float32
    assert y[:, 0, 0, 0] == pytest.approx([0, 0.2, 1], abs=1e-7)


@pytest.mark.parametrize("build", [build_dense, build_cnn])
def test_a_net_gives_probabilities_that_sum_to_1(build):
    x = np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1), dtype=np.uint8)
    probabilities = np.asarray(build()(x))
    assert probabilities.shape == (5, 10)
    assert probabilities.dtype == np.float32
    assert probabilities.min() >= 0
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-6)
