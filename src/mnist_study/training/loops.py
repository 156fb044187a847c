"""Go through a split in a loop of TensorFlow's own, without Python between two batches."""

import numpy as np

from mnist_study.compute import keras, tf

NO_IMAGE = -1  # fills up a last batch


def in_batches(order, batch_size):
    """Put images into batches, the last of which is filled up.

    Args:
        order: int (n,), the images' numbers, as they are to come.
        batch_size: images in a batch.

    Returns:
        int32 (ceil(n / batch_size), batch_size): the numbers, and NO_IMAGE in the places left.
    """
    filled = np.full(-(-len(order) // batch_size) * batch_size, NO_IMAGE, np.int32)
    filled[: len(order)] = order
    return filled.reshape(-1, batch_size)


class Loop:
    """A network's way through a split, batch by batch: what is done is a subclass's."""

    def __init__(self, network, split, *, jit_compile):
        """Bring the split to where TensorFlow computes.

        Args:
            network: function, or keras.Model, from uint8 (batch_size, height, width, channels) and
                `training` to probabilities, float32 (batch_size, classes), made by a softmax.
            split: Split of n images.
            jit_compile: whether XLA compiles the loop to one program. That costs half a second, and
                pays where the operations of a batch are small.
        """
        self._network = network
        self._x = tf.constant(split.x)
        self._y = tf.constant(split.y.astype(np.int32))
        self._run = tf.function(self._run_in_graph, jit_compile=jit_compile, autograph=False)

    def __call__(self, batches, *, steps_per_execution, on_steps=lambda steps: None):
        """Go through batches.

        Args:
            batches: int32 (number, batch_size), as in_batches returns them.
            steps_per_execution: batches per call from Python. It changes the speed and no bit of
                the result.
            on_steps: called after each of these calls with the number of batches done.

        Returns:
            Two floats: the mean categorical cross-entropy, in nats, and the accuracy over all
            images, each as it was when its batch came.
        """
        rows = tf.constant(batches)
        sums = tf.zeros(2)
        for first in range(0, len(batches), steps_per_execution):
            last = min(first + steps_per_execution, len(batches))
            sums = self._run(self._x, self._y, rows, tf.constant(first), tf.constant(last), sums)
            on_steps(last)
        return tuple((sums.numpy() / np.count_nonzero(batches != NO_IMAGE)).tolist())

    def _run_in_graph(self, x, y, rows, first, last, sums):
        def step(number, sums):
            chosen = rows[number]
            weights = tf.cast(tf.not_equal(chosen, NO_IMAGE), tf.float32)
            chosen = tf.maximum(chosen, 0)
            labels = tf.gather(y, chosen)
            losses, probabilities = self._on_batch(tf.gather(x, chosen), labels, weights)
            right = tf.equal(tf.argmax(probabilities, axis=1, output_type=tf.int32), labels)
            gained = tf.stack([losses, tf.cast(right, tf.float32)])
            return number + 1, sums + tf.reduce_sum(weights * gained, axis=1)

        return tf.while_loop(lambda number, _: number < last, step, (first, sums))[1]

    def _on_batch(self, x, labels, weights):
        """What is done with a batch.

        Args:
            x: uint8 (batch_size, height, width, channels).
            labels: int32 (batch_size,).
            weights: float32 (batch_size,): 1, or 0 where there is no image.

        Returns:
            float32 (batch_size,), the images' cross-entropy; float32 (batch_size, classes).
        """
        raise NotImplementedError


class Scoring(Loop):
    """Score the network as it is."""

    def _on_batch(self, x, labels, weights):
        return _losses(self._network(x, training=False), labels)


class Learning(Loop):
    """Take a step of an optimizer on each batch."""

    def __init__(self, network, split, *, jit_compile, optimizer, variables):
        """
        Args:
            network, split, jit_compile: see Loop.
            optimizer: a new keras.Optimizer.
            variables: the weights that it changes.
        """
        super().__init__(network, split, jit_compile=jit_compile)
        self._optimizer = optimizer
        self._variables = variables
        optimizer.build(variables)

    def _on_batch(self, x, labels, weights):
        with tf.GradientTape() as tape:
            losses, probabilities = _losses(self._network(x, training=True), labels)
            loss = tf.reduce_sum(weights * losses) / tf.reduce_sum(weights)
        gradients = tape.gradient(loss, self._variables)
        self._optimizer.apply(gradients, self._variables)
        return losses, probabilities


def _losses(probabilities, labels):
    targets = tf.one_hot(labels, probabilities.shape[-1])
    return keras.losses.categorical_crossentropy(targets, probabilities), probabilities
