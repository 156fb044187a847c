import numpy as np
import pytest

from mnist_study.batches import shuffled_batches
from mnist_study.compute import keras
from mnist_study.splits import Split


@pytest.fixture
def split(tiny_train):
    """70 images, all different."""
    return Split(tiny_train.x[:70], tiny_train.y[:70])


def batches_of(split, *, seed=0):
    keras.utils.set_random_seed(seed)
    return shuffled_batches(split, 32)


def taken(batches):
    x, y = zip(*batches.as_numpy_iterator(), strict=True)
    return np.concatenate(x), np.concatenate(y)


def test_the_last_batch_has_what_is_left(split):
    pairs = batches_of(split).as_numpy_iterator()
    shapes = [(x.shape, x.dtype, y.shape, y.dtype) for x, y in pairs]
    assert shapes == [((size, 28, 28, 1), np.uint8, (size, 10), np.float32) for size in (32, 32, 6)]


def test_each_image_comes_once_with_its_label(split):
    x, y = taken(batches_of(split))
    number = {image.tobytes(): index for index, image in enumerate(split.x)}
    order = [number[image.tobytes()] for image in x]
    assert sorted(order) == list(range(70))
    assert order != list(range(70))
    assert np.array_equal(y.argmax(axis=1), split.y[order])
    assert y.sum() == 70


def test_each_epoch_has_an_order_of_its_own_which_the_seed_fixes(split):
    batches = batches_of(split)
    first, second = taken(batches)[0], taken(batches)[0]
    assert not np.array_equal(first, second)
    again = batches_of(split)
    assert np.array_equal(taken(again)[0], first)
    assert np.array_equal(taken(again)[0], second)
    assert not np.array_equal(taken(batches_of(split, seed=1))[0], first)
