"""Feed the images of a split to TensorFlow, batch by batch."""

import numpy as np

from mnist_study.compute import tf
from mnist_study.mnist import NUM_CLASSES

READY = 4  # batches that are made ahead


def shuffled_batches(split, batch_size):
    """Batches for training, in another order each time that they are gone through.

    TensorFlow's seed fixes these orders.

    A thread of their own makes them. Made by the threads of the operations, as TensorFlow does by
    default, they would wait behind convolutions, and the next step for them.

    Args:
        split: Split of n images.
        batch_size: images in a batch; the last one has what is left.

    Returns:
        tf.data.Dataset of pairs: uint8 (batch_size, 28, 28, 1), images, and float32
        (batch_size, 10), their labels one-hot.
    """
    with tf.device("CPU"):
        x = tf.constant(split.x[..., np.newaxis])
        y = tf.one_hot(split.y, NUM_CLASSES)
    order = tf.data.Dataset.range(len(split)).shuffle(len(split)).batch(batch_size)
    batches = order.map(lambda chosen: (tf.gather(x, chosen), tf.gather(y, chosen)))
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    return batches.prefetch(READY).with_options(options)
