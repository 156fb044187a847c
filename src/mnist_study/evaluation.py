"""Score a network on the test images."""

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.metrics import log_loss, precision_recall_fscore_support

from mnist_study.compute import keras
from mnist_study.mnist import NUM_CLASSES
from mnist_study.uncertainty import wilson_interval

DIGITS = list(range(NUM_CLASSES))
BATCH_SIZE = 500  # images at once; another number may choose other kernels, and other last bits


def predict(model, split):
    """Class probabilities.

    The last layer is computed here, in double precision, and rounded: so the bytes do not
    depend on TensorFlow's softmax, whose approximate reciprocals differ between makers of
    processors, and hardly ever on the order in which a matrix product is summed.

    Args:
        model: keras.Model whose last layer is dense, with softmax.
        split: Split of n images.

    Returns:
        float32 (n, 10), rows that sum to 1.

    Raises:
        ValueError: the last layer is another one.
    """
    last = model.layers[-1]
    if getattr(last, "activation", None) is not keras.activations.softmax or not last.use_bias:
        raise ValueError(f"{model.name}: expected a last layer with softmax and bias, got {last}")
    features = keras.Model(model.inputs, last.input).predict(
        split.x[..., np.newaxis], batch_size=BATCH_SIZE, verbose=0
    )
    kernel, bias = last.get_weights()
    logits = features.astype(np.float64) @ kernel.astype(np.float64) + bias
    return softmax(logits, axis=1).astype(np.float32)


def tabulate(probabilities, y):
    """One row per test image, in the order of the file.

    Args:
        probabilities: float32 (n, 10).
        y: uint8 (n,).

    Returns:
        pandas.DataFrame: label, prediction, and confidence, the predicted digit's probability.
    """
    return pd.DataFrame(
        {
            "label": y,
            "prediction": probabilities.argmax(axis=1),
            "confidence": probabilities.max(axis=1),
        }
    )


def score(probabilities, y, *, confidence):
    """Metrics of one network.

    Args:
        probabilities: float32 (n, 10).
        y: uint8 (n,).
        confidence: of the accuracy's Wilson interval, in (0, 1).

    Returns:
        dict: loss (mean categorical cross-entropy, in nats), accuracy and its interval, the number
        of errors, and precision, recall and F1 per digit.
    """
    predictions = probabilities.argmax(axis=1)
    correct = int(np.sum(predictions == y))
    interval = wilson_interval(correct, len(y), confidence=confidence)
    precision, recall, f1, _ = precision_recall_fscore_support(
        y, predictions, labels=DIGITS, zero_division=0.0
    )
    normalised = probabilities.astype(np.float64)
    normalised /= normalised.sum(axis=1, keepdims=True)  # float32 rows sum to 1 within 1e-7
    return {
        "loss": float(log_loss(y, normalised, labels=DIGITS)),
        "accuracy": correct / len(y),
        "accuracy_low": interval.low,
        "accuracy_high": interval.high,
        "errors": len(y) - correct,
        "precision": _per_digit(precision),
        "recall": _per_digit(recall),
        "f1": _per_digit(f1),
    }


def choose_examples(tables, *, samples, seed):
    """Choose the test images that the report shows.

    Args:
        tables: what tabulate returned, of each network.
        samples: images chosen at random.
        seed: of that choice.

    Returns:
        int64 (m,), ascending: the indices of the samples and of every image that a network gets
        wrong; and int64 (samples,), those of the samples alone, in random order.
    """
    num_images = len(tables[0])
    order = np.random.default_rng(seed).permutation(num_images)
    sampled = order[:samples]
    wrong = [np.flatnonzero(table["label"] != table["prediction"]) for table in tables]
    return np.unique(np.concatenate([sampled, *wrong])), sampled


def _per_digit(values):
    return {str(digit): float(value) for digit, value in zip(DIGITS, values, strict=True)}
