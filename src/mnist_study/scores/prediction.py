"""Ask a network what it sees."""

from concurrent.futures import ThreadPoolExecutor
from zipfile import BadZipFile

import numpy as np
from scipy.special import softmax

from mnist_study.compute import available_cores, keras, tf
from studykit.errors import UserError, one_line

BATCH_SIZE = 500  # images at once; another number may choose other kernels, and other last bits


def load(path):
    """Load a network from its `.keras` file; no code that the file holds is run.

    Raises:
        UserError: it is damaged, or holds code, such as a Lambda layer.
    """
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError, BadZipFile) as error:
        said = one_line(error).partition(". ")[0][:200]
        raise UserError(f"{path}: expected a model without code, received: {said}") from None


def predict(model, split):
    """Class probabilities, of as many batches side by side as there are cores.

    The last layer is computed here, in double precision, and rounded: so the bytes do not
    depend on TensorFlow's softmax, whose approximate reciprocals differ between makers of
    processors, and hardly ever on the order in which a matrix product is summed.

    Args:
        model: keras.Model whose last layer is dense, with softmax.
        split: Split of n images.

    Returns:
        float32 (n, classes), rows that sum to 1.

    Raises:
        ValueError: the last layer is another one.
    """
    last = model.layers[-1]
    if getattr(last, "activation", None) is not keras.activations.softmax or not last.use_bias:
        raise ValueError(f"{model.name}: expected a last layer with softmax and bias, got {last}")
    up_to_last = keras.Model(model.inputs[0], last.input)
    x, images = split.x, tf.TensorSpec((None, *split.image_shape), tf.uint8)

    @tf.function(input_signature=[images], autograph=False)
    def run(batch):
        return up_to_last(batch, training=False)

    with ThreadPoolExecutor(available_cores()) as threads:
        batches = [x[first : first + BATCH_SIZE] for first in range(0, len(x), BATCH_SIZE)]
        features = np.concatenate(list(threads.map(lambda batch: run(batch).numpy(), batches)))
    kernel, bias = last.get_weights()
    logits = features.astype(np.float64) @ kernel.astype(np.float64) + bias
    return softmax(logits, axis=1).astype(np.float32)
