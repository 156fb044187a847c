import numpy as np
import pytest

from mnist_study.nets import cnn, dense
from studykit.errors import UserError

MNIST = {"image_shape": (28, 28, 1), "num_classes": 10}
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


def build_dense(data=MNIST, **changes):
    return dense.build(dense.Params(**DENSE | changes), **data)


def build_cnn(data=MNIST, **changes):
    return cnn.build(cnn.Params(**CNN | changes), **data)


def paddings(model):
    """Of the convolutions, in their order."""
    return [layer.padding for layer in model.layers if type(layer).__name__ == "Conv2D"]


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
    assert paddings(model) == ["valid"] * 3


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


DATA = {
    "8×8×1 of 10": {"image_shape": (8, 8, 1), "num_classes": 10},
    "32×32×3 of 5": {"image_shape": (32, 32, 3), "num_classes": 5},
    "20×64×1 of 47": {"image_shape": (20, 64, 1), "num_classes": 47},
    "64×20×4 of 2": {"image_shape": (64, 20, 4), "num_classes": 2},
}


@pytest.mark.parametrize("data", DATA.values(), ids=DATA)
@pytest.mark.parametrize("build", [build_dense, build_cnn])
def test_a_net_takes_images_of_any_shape_and_gives_as_many_probabilities_as_there_are_classes(
    build, data
):
    shape, num_classes = data["image_shape"], data["num_classes"]
    model = build(data)
    (image,) = model.inputs
    assert (image.dtype, image.shape) == ("uint8", (None, *shape))
    x = np.random.default_rng(0).integers(0, 256, (5, *shape), dtype=np.uint8)
    probabilities = np.asarray(model(x))
    assert probabilities.shape == (5, num_classes)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(5), abs=1e-6)


def test_the_dense_net_counts_all_pixels_of_all_channels():
    assert layers(build_dense(DATA["32×32×3 of 5"]))[1:3] == [
        ("Flatten", (3_072,), 0),  # 32 · 32 · 3
        ("Dense", (30,), 92_190),  # (3,072 + 1) · 30
    ]


def test_the_cnn_pads_where_an_image_is_too_small_to_lose_its_margin():
    """Without padding: 8 → 4 → 2 → 2 - 2, which is nothing."""
    model = build_cnn(DATA["8×8×1 of 10"])
    assert paddings(model) == ["same", "same", "same"]
    assert [shape for kind, shape, _ in layers(model) if kind in ("Conv2D", "MaxPooling2D")] == [
        (8, 8, 20),
        (4, 4, 20),
        (4, 4, 40),
        (2, 2, 40),
        (2, 2, 60),
        (1, 1, 60),
    ]


def test_the_shorter_side_decides_on_padding():
    """20 → 16 → 8 → 6 → 3 → 2 → 1, and 64 → 60 → 30 → 28 → 14 → 13 → 6."""
    wide = build_cnn(DATA["20×64×1 of 47"])
    assert paddings(wide) == ["valid", "valid", "valid"]
    assert layers(wide)[-4][:2] == ("Flatten", (360,))  # 1 · 6 · 60
    for shape in ((19, 64, 1), (64, 19, 1)):  # 19 → 15 → 7 → 5 → 2 → 1, which cannot be pooled
        data = {"image_shape": shape, "num_classes": 47}
        assert paddings(build_cnn(data)) == ["same", "same", "same"]


@pytest.mark.parametrize(
    ("kernel_sizes", "padding"),
    [
        pytest.param([5, 3, 4], "valid", id="a pixel left"),  # 28 → 24 → 12 → 10 → 5 → 2 → 1
        pytest.param([5, 3, 5], "same", id="none left to pool"),  # 28 → 24 → 12 → 10 → 5 → 1
        pytest.param([5, 3, 6], "same", id="larger than what pooling left"),
        pytest.param([29, 3, 2], "same", id="larger than the image"),
        pytest.param([29, 1, 1], "same", id="larger than the image, and others are not"),
    ],
)
def test_the_cnn_pads_where_kernels_would_leave_nothing_of_an_image(kernel_sizes, padding):
    model = build_cnn(kernel_sizes=kernel_sizes)
    assert paddings(model) == [padding] * 3


@pytest.mark.parametrize(
    ("shape", "changes", "received"),
    [
        pytest.param((7, 28, 1), {}, "left of 7 after pooling 3 times, received 2", id="image"),
        pytest.param(
            (28, 28, 1), {"pool_size": 4}, "left of 28 after pooling 3 times, received 4", id="pool"
        ),
    ],
)
def test_an_image_too_small_to_be_pooled_is_told_in_one_line(shape, changes, received):
    with pytest.raises(UserError) as error:
        build_cnn({"image_shape": shape, "num_classes": 10}, **changes)
    assert str(error.value) == (
        f"params.yaml: train_cnn.pool_size: expected a pixel {received}; pool less or less often"
    )
