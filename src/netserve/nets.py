"""A trained net: loaded in Keras' safe mode, and asked."""

from pathlib import Path

import numpy as np

BATCH_SIZE = 500  # images at once


class NetError(ValueError):
    """A model that cannot be asked: what was expected and received, in a line."""


class Net:
    """A net that gives a probability for each class.

    Attributes:
        shape: height, width and channels of its images.
        dtype: numpy.dtype of their values.
        units: how many classes it knows.
        model: keras.Model.
    """

    def __init__(self, path):
        """Load a `.keras` file. What would run code of the file's own is refused.

        Args:
            path: of the file.

        Raises:
            NetError: it is none, asks for code of its own, or is no net for images.
        """
        import keras
        import tensorflow as tf

        if not Path(path).is_file():
            raise NetError(f"{path}: expected a .keras file, found none")
        try:
            # A file can hold Python code, in a layer Lambda. The safe mode does not run it.
            self.model = keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises what it likes at a file that is broken
            said = " ".join(str(error).split()).split(". ")[0]
            raise NetError(
                f"{path}: expected a model that Keras loads in its safe mode, received: {said:.300}"
            ) from None
        inputs, outputs = self.model.inputs, self.model.outputs
        if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4:
            raise NetError(f"{path}: expected a net that classifies images, received another one")
        self.shape = tuple(inputs[0].shape[1:])
        self.dtype = np.dtype(inputs[0].dtype)
        self.units = outputs[0].shape[-1]
        signature = [tf.TensorSpec((None, *self.shape), self.dtype)]
        self._ask = tf.function(
            lambda x: self.model(x, training=False), input_signature=signature, autograph=False
        )

    def probabilities(self, images):
        """What the net says.

        Args:
            images: (n, height, width, channels), intensities as its data have them.

        Returns:
            float32 (n, classes), rows that sum to 1.

        Raises:
            NetError: its answers are no probabilities.
        """
        images = np.asarray(images, self.dtype)
        parts = [
            self._ask(images[first : first + BATCH_SIZE]).numpy()
            for first in range(0, len(images), BATCH_SIZE)
        ]
        answer = np.concatenate(parts) if parts else np.empty((0, self.units), np.float32)
        if (answer < 0).any() or not np.allclose(answer.sum(axis=1), 1, atol=1e-3):
            raise NetError("expected a net whose last layer gives probabilities, received another")
        return answer
