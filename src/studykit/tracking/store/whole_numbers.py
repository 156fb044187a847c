"""Serve a Keras model whose inputs are whole numbers, such as raw pixels, and refuse others.

MLflow casts what a client sends to the type in the model's signature, without asking: numbers
between 0 and 1 would become zeros, and get an answer. So the signature asks for float64, and what
comes is checked here. MLflow loads a model by a copy of this file, which lies in the model's folder
and needs nothing of this kit.
"""

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE


def _load_pyfunc(path):
    """MLflow's entry point: the model in a folder, as an object that predicts."""
    from mlflow import keras

    return WholeNumbers(keras._load_pyfunc(path))


class WholeNumbers:
    """A model that takes raw inputs only."""

    def __init__(self, model):
        """
        Args:
            model: MLflow's wrapper of a keras.Model with one input of an integer type.
        """
        self._model = model
        self._dtype = np.dtype(model.get_raw_model().inputs[0].dtype)

    def predict(self, data):
        """What the model says of a batch.

        Args:
            data: float64 (n, …): whole numbers in the range of the model's type.

        Raises:
            MlflowException: they are others.
        """
        check_whole_numbers(data, self._dtype)
        return self._model.predict(data.astype(self._dtype))


def check_whole_numbers(data, dtype):
    """Make sure that a cast to an integer type keeps every value, and that none was scaled before.

    Raises:
        MlflowException: it does not.
    """
    limits = np.iinfo(dtype)
    expected = f"whole numbers from {limits.min} to {limits.max}, as they are in the data"
    wrong = ~((np.floor(data) == data) & (data >= limits.min) & (data <= limits.max))
    if wrong.any():
        received = f"{data[wrong][0]:g}"
    elif data.any() and data.max() <= 1:
        received = "none above 1"
    else:
        return
    raise MlflowException(
        f"inputs: expected {expected}, received {received}; the model scales them itself",
        INVALID_PARAMETER_VALUE,
    )
