import numpy as np
import pytest

from mnist_study.batches import shuffled_batches
from mnist_study.splits import Split


@pytest.fixture
def batches(tiny_train):
    """70 images in batches of 32; images of MNIST's kind are all different."""
    split = Split(tiny_train.x[:70], tiny_train.y[:70])
    return split, shuffled_batches(split, batch_size=32, seed=0)


def taken(batches):
    x, y = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(x), np.concatenate(y)


def test_the_last_batch_has_what_is_left(batches):
    shapes = [(x.shape, x.dtype, y.shape, y.dtype) for x, y in batches[1].as_numpy_iterator()]
    assert shapes == [((size, 28, 28, 1), np.uint8, (size, 10), np.float32) for size in (32, 32, 6)]


def test_each_image_comes_once_with_its_label(batches):
    split, data = batches
    x, y = taken(data)
    number = {image.tobytes(): index for index, image in enumerate(split.x)}
    order = [number[image.tobytes()] for image in x]
    assert sorted(order) == list(range(70))
    assert order != list(range(70))
    assert np.array_equal(y.argmax(axis=1), split.y[order])
    assert y.sum() == 70


def test_each_epoch_has_an_order_of_its_own_which_the_seed_fixes(batches):
    split, data = batches
    first, second = taken(data)[0], taken(data)[0]
    assert not np.array_equal(first, second)
    again = shuffled_batches(split, batch_size=32, seed=0)
    assert np.array_equal(taken(again)[0], first)
    assert np.array_equal(taken(again)[0], second)
    assert not np.array_equal(taken(shuffled_batches(split, batch_size=32, seed=1))[0], first)
