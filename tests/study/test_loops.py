"""TensorFlow's own loops, as a graph and compiled by XLA."""

import numpy as np
import pytest

from imagesets.splits import Split
from mnist_study.compute import keras
from mnist_study.nets import dense
from mnist_study.training import loops
from mnist_study.training.loops import NO_IMAGE, in_batches

PARAMS = dense.Params(
    hidden_layers=2,
    units=30,
    activation="relu",
    optimizer="sgd",
    learning_rate=0.1,
    batch_size=32,
    shards=1,
    jit_compile=True,
    epochs=1,
)
LOOPS = pytest.mark.parametrize("loop", ["graph", "XLA"])


@pytest.fixture
def net():
    keras.utils.set_random_seed(0)
    return dense.build(PARAMS, image_shape=(28, 28, 1), num_classes=10)


@pytest.fixture
def split(tiny_train):
    """70 images."""
    return Split(tiny_train.x[:70], tiny_train.y[:70])


def learning(net, split, loop):
    optimizer = keras.optimizers.SGD(PARAMS.learning_rate)
    return loops.Learning(
        net,
        split,
        jit_compile=loop == "XLA",
        optimizer=optimizer,
        variables=net.trainable_variables,
    )


def scoring(net, split, loop):
    return loops.Scoring(net, split, jit_compile=loop == "XLA")


def probabilities_by_hand(weights, x):
    x = x.reshape(len(x), -1) / 255
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = np.maximum(x @ kernel + bias, 0)
    logits = x @ weights[-2] + weights[-1]
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def scores_by_hand(weights, split):
    probabilities = probabilities_by_hand([each.astype(np.float64) for each in weights], split.x)
    loss = -np.log(probabilities[np.arange(len(split)), split.y]).mean()
    return loss, (probabilities.argmax(axis=1) == split.y).mean()


def test_the_last_batch_is_filled_up():
    batches = in_batches(np.array([4, 0, 3, 1, 2]), 2)
    assert batches.dtype == np.int32
    assert batches.tolist() == [[4, 0], [3, 1], [2, NO_IMAGE]]
    assert in_batches(np.arange(4), 2).tolist() == [[0, 1], [2, 3]]


@LOOPS
def test_scores_are_those_of_all_images_and_of_no_other(net, split, loop):
    score = scoring(net, split, loop)
    batches = in_batches(np.arange(70), 32)  # the last has 6 images
    before = net.get_weights()
    assert score(batches, steps_per_execution=2) == pytest.approx(
        scores_by_hand(net.get_weights(), split), rel=1e-5
    )
    assert all(np.array_equal(*pair) for pair in zip(before, net.get_weights(), strict=True))


@LOOPS
def test_what_fills_up_a_batch_teaches_nothing(net, split, loop):
    begun = net.get_weights()
    learning(net, split, loop)(in_batches(np.array([5, 9]), 32), steps_per_execution=1)
    filled = net.get_weights()
    net.set_weights(begun)
    alone = Split(split.x[[5, 9]], split.y[[5, 9]])
    learning(net, alone, "graph")(in_batches(np.arange(2), 2), steps_per_execution=1)
    for ours, expected in zip(filled, net.get_weights(), strict=True):
        assert ours == pytest.approx(expected, rel=1e-4, abs=1e-6)


@LOOPS
def test_a_step_goes_down_the_gradient_of_its_batch_alone(net, split, loop):
    """The last layer's biases: their gradient is the mean of probabilities minus labels."""
    weights = net.get_weights()
    chosen = np.array([3, 1, 4, 8])
    gradient = probabilities_by_hand(weights, split.x[chosen])
    gradient[np.arange(4), split.y[chosen]] -= 1
    loss, accuracy = learning(net, split, loop)(in_batches(chosen, 4), steps_per_execution=1)
    expected = weights[-1] - PARAMS.learning_rate * gradient.mean(axis=0)
    assert net.get_weights()[-1] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    as_it_was = scores_by_hand(weights, Split(split.x[chosen], split.y[chosen]))
    assert (loss, accuracy) == pytest.approx(as_it_was, rel=1e-5)


@LOOPS
def test_each_batch_meets_the_weights_that_the_one_before_it_left(net, split, loop):
    learn = learning(net, split, loop)
    batches = in_batches(np.arange(70), 32)
    begun = net.get_weights()
    together = learn(batches, steps_per_execution=3)
    left = net.get_weights()
    net.set_weights(begun)
    one_by_one = [learn(batch[np.newaxis], steps_per_execution=1) for batch in batches]
    for ours, expected in zip(left, net.get_weights(), strict=True):
        assert ours == pytest.approx(expected, rel=1e-4, abs=1e-6)
    means = np.average(one_by_one, axis=0, weights=[32, 32, 6])
    assert together == pytest.approx(means, rel=1e-5)


@LOOPS
def test_the_batches_done_are_told_after_each_execution(net, split, loop):
    told = []
    learning(net, split, loop)(
        in_batches(np.arange(70), 10), steps_per_execution=3, on_steps=told.append
    )
    assert told == [3, 6, 7]


@LOOPS
def test_a_loop_takes_channels_and_any_number_of_classes(loop):
    """Six images of 4 × 5 pixels in colour, of 47 classes; the last class is among them."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
    colour = Split(x, np.array([46, 0, 10, 31, 46, 9], np.uint8))
    keras.utils.set_random_seed(0)
    net = dense.build(PARAMS, image_shape=(4, 5, 3), num_classes=47)
    batches = in_batches(np.arange(6), 4)
    score = scoring(net, colour, loop)
    assert score(batches, steps_per_execution=1) == pytest.approx(
        scores_by_hand(net.get_weights(), colour), rel=1e-5
    )
    learn = learning(net, colour, loop)
    for _ in range(300):
        learn(batches, steps_per_execution=2)
    loss, accuracy = score(batches, steps_per_execution=1)
    assert accuracy == 1
    assert loss < 0.1  # at first ln 47, 3.9
