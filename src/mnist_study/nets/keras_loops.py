"""Go through a split by Keras' own loops, on any of its backends.

The same calls as those of `loops.py`, which is TensorFlow's alone, and takes less time a batch.
"""

import numpy as np

from mnist_study.data.mnist import NUM_CLASSES
from mnist_study.nets.batches import NO_IMAGE
from mnist_study.nets.compute import keras


class KerasLoop:
    """A network's way through a split, batch by batch: what is done is a subclass's."""

    def __init__(self, model, split):
        """
        Args:
            model: keras.Model from uint8 (batch_size, 28, 28, 1) to probabilities, float32
                (batch_size, 10); compiled with the categorical cross-entropy and accuracy.
            split: Split of n images.
        """
        self._model = model
        self._x = split.x[..., np.newaxis]
        self._y = np.eye(NUM_CLASSES, dtype=np.float32)[split.y]

    def __call__(self, batches, *, steps_per_execution=1, on_steps=lambda steps: None):
        """Go through batches.

        Args:
            batches: int32 (number, batch_size), as in_batches returns them.
            steps_per_execution: not used: Keras calls its backend once a batch.
            on_steps: called after each batch with the number of batches done.

        Returns:
            Two floats: the mean categorical cross-entropy, in nats, and the accuracy over all
            images, each as it was when its batch came.
        """
        order = batches[batches != NO_IMAGE]
        told = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: on_steps(batch + 1)
        )
        return self._go(self._x[order], self._y[order], batches.shape[1], told)

    def _go(self, x, y, batch_size, told):
        raise NotImplementedError


class Scoring(KerasLoop):
    """Score the network as it is."""

    def _go(self, x, y, batch_size, told):
        return tuple(self._model.evaluate(x, y, batch_size=batch_size, verbose=0))


class Learning(KerasLoop):
    """Take a step of the model's optimizer on each batch."""

    def _go(self, x, y, batch_size, told):
        history = self._model.fit(
            x, y, batch_size=batch_size, shuffle=False, verbose=0, callbacks=[told]
        ).history
        return history["loss"][-1], history["accuracy"][-1]
