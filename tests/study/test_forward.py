import numpy as np
import pytest

from imagesets.splits import Split
from mnist_study.compute import keras, tf
from mnist_study.nets import cnn
from mnist_study.training import fit
from mnist_study.training.forward import Forward

PARAMS = {
    "filters": [4, 8],
    "pool_size": 2,
    "kernel_sizes": [5, 3],
    "units": 16,
    "dropout": 0.0,  # what is dropped would differ
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.001,
    "batch_size": 32,
    "shards": 2,
    "jit_compile": False,
    "epochs": 2,
}
DATA = {"image_shape": (28, 28, 1), "num_classes": 10}


@pytest.fixture
def net():
    keras.utils.set_random_seed(0)
    return cnn.build(cnn.Params(**PARAMS), **DATA)


@pytest.fixture
def batch(tiny_train):
    """33 images, which two shards cannot share evenly."""
    return tiny_train.x[:33], keras.utils.to_categorical(tiny_train.y[:33], 10)


def make_net(data=DATA, **changes):
    """A net whose biases, unlike those of a new one, shift what the activation gets."""
    keras.utils.set_random_seed(0)
    net = cnn.build(cnn.Params(**PARAMS | changes), **data)
    rng = np.random.default_rng(0)
    for layer in net.layers:
        if getattr(layer, "use_bias", False):
            layer.bias.assign(rng.normal(-0.5, 1, layer.bias.shape))
    return net


def operations(model, x):
    """Kinds of the operations that a model's outputs are made by, in their order."""
    graph = tf.function(model).get_concrete_function(x).graph
    return [operation.type for operation in graph.get_operations()]


def gradients_of(model, variables, x, y):
    """Of the summed loss of a batch, which has no other scale than its probabilities'."""

    @tf.function
    def run():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(keras.losses.categorical_crossentropy(y, model(x, training=True)))
        return tape.gradient(loss, variables)

    return [np.asarray(gradient) for gradient in run()]


def loss_and_gradients(model, variables, x, y):
    """As Keras computes them in its graph, where the loss looks for the logits."""

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(keras.losses.categorical_crossentropy(y, model(x, training=True)))
        return loss, tape.gradient(loss, variables)

    kinds = {
        operation.type for operation in step.get_concrete_function(x, y).graph.get_operations()
    }
    assert "SoftmaxCrossEntropyWithLogits" in kinds
    return step(x, y)


@pytest.mark.parametrize("shards", [1, 2, 3, 33])
@pytest.mark.parametrize("sure", [1, 300], ids=["as it begins", "sure of what is wrong"])
def test_outputs_loss_and_gradients_are_those_of_the_whole_batch(net, batch, shards, sure):
    x, y = batch
    kernel = net.layers[-1].kernel
    kernel.assign(sure * kernel)
    sharded = Forward(net, shards)
    assert np.asarray(sharded(x)) == pytest.approx(np.asarray(net(x)), rel=1e-3, abs=1e-7)
    loss, gradients = loss_and_gradients(net, net.trainable_variables, x, y)
    assert sure == 1 or float(loss) > 16.2  # the most, were it made from probabilities: -ln 1e-7
    sharded_loss, sharded_gradients = loss_and_gradients(sharded, net.trainable_variables, x, y)
    assert float(sharded_loss) == pytest.approx(float(loss), rel=1e-5)
    for ours, whole in zip(sharded_gradients, gradients, strict=True):
        assert np.asarray(ours) == pytest.approx(np.asarray(whole), rel=1e-2, abs=1e-5)


def test_the_weights_are_the_nets_own(net, batch):
    sharded = Forward(net, 2)
    sharded(batch[0])
    ours = [id(variable) for variable in sharded.trainable_variables]
    assert ours == [id(variable) for variable in net.trainable_variables]


def train(net, data, **changes):
    params = cnn.Params(**PARAMS | changes)
    keras.utils.set_random_seed(1)
    return fit.train(
        net,
        data,
        data,
        params=params,
        seed=1,
        steps_per_execution=2,
        on_epoch=lambda row, images_per_second: None,
    )


def test_training_in_shards_trains_the_net_and_its_optimizer(net, tiny_train):
    before = [np.array(weights) for weights in net.get_weights()]
    train(net, Split(tiny_train.x[:100], tiny_train.y[:100]))  # the last batch has 4 images
    assert not any(np.array_equal(*pair) for pair in zip(before, net.get_weights(), strict=True))
    assert int(net.optimizer.iterations) == 8  # 4 batches, twice
    assert len(net.optimizer.variables) == 2 + 2 * len(net.trainable_variables)


def test_training_in_shards_is_training(net, tiny_train):
    """Up to the last bits, which grow: Adam divides small gradients by their size."""
    data = Split(tiny_train.x[:100], tiny_train.y[:100])
    begun = net.get_weights()
    whole = train(net, data, shards=1)
    net.set_weights(begun)
    sharded = train(net, data, shards=2)
    assert sharded.to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-3)


@pytest.mark.parametrize("shards", [1, 2, 3])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_pooling_before_bias_and_activation_changes_no_output_and_no_gradient(
    batch, activation, shards
):
    x, y = batch
    net = make_net(activation=activation)
    reordered = Forward(net, shards)
    kind = {"relu": "Relu", "tanh": "Tanh"}[activation]
    order = [each for each in operations(reordered, x) if each in ("MaxPool", kind)]
    assert order == ["MaxPool", kind, "MaxPool", kind, kind] * shards  # the last of a dense layer
    assert np.asarray(reordered(x)) == pytest.approx(np.asarray(net(x)), rel=1e-5, abs=1e-7)
    plain = gradients_of(net, net.trainable_variables, x, y)
    for ours, theirs in zip(
        gradients_of(reordered, net.trainable_variables, x, y), plain, strict=True
    ):
        assert np.abs(theirs).max() > 0
        assert ours == pytest.approx(theirs, abs=1e-5 * max(1.0, float(np.abs(theirs).max())))


@pytest.mark.parametrize(("activation", "kind"), [("gelu", "Erfc"), ("silu", "Sigmoid")])
def test_an_activation_that_decreases_somewhere_comes_before_pooling(batch, activation, kind):
    x, _ = batch
    net = make_net(activation=activation)
    forward = Forward(net, 1)
    ours, plain = (
        [each for each in operations(model, x) if each in ("Conv2D", "MaxPool", kind)]
        for model in (forward, net)
    )
    assert ours == plain
    assert plain[:3] == ["Conv2D", kind, "MaxPool"]
    assert np.array_equal(np.asarray(forward(x)), np.asarray(net(x)))


def test_dropout_is_active_in_training_and_inactive_in_scoring(batch):
    x, _ = batch
    net = make_net(dropout=0.5)
    forward = Forward(net, 2)
    scored = [np.asarray(forward(x, training=False)) for _ in range(2)]
    trained = [np.asarray(forward(x, training=True)) for _ in range(2)]
    assert np.array_equal(*scored)
    assert scored[0] == pytest.approx(np.asarray(net(x, training=False)), rel=1e-5, abs=1e-7)
    assert np.abs(trained[0] - scored[0]).max() > 0.01
    assert np.abs(trained[0] - trained[1]).max() > 0.01


@pytest.mark.parametrize(
    "shape", [(28, 28, 3), (12, 40, 1), (6, 6, 3)], ids=["colour", "wide", "padded"]
)
def test_images_of_any_shape_go_through_in_parts_as_they_do_whole(shape):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (5, *shape), dtype=np.uint8)
    y = keras.utils.to_categorical(rng.integers(0, 47, 5), 47)
    net = make_net({"image_shape": shape, "num_classes": 47})
    padding = {layer.padding for layer in net.layers if isinstance(layer, keras.layers.Conv2D)}
    assert padding == {"same" if shape == (6, 6, 3) else "valid"}
    forward = Forward(net, 2)
    assert np.asarray(forward(x)).shape == (5, 47)
    assert np.asarray(forward(x)) == pytest.approx(np.asarray(net(x)), rel=1e-5, abs=1e-7)
    variables = net.trainable_variables
    plain = gradients_of(net, variables, x, y)
    for ours, theirs in zip(gradients_of(forward, variables, x, y), plain, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5 * max(1.0, float(np.abs(theirs).max())))
