"""Serve a net by MLflow: raw images or encoded pictures in, named classes out, the rest refused.

MLflow's server reads JSON and calls a model's `predict`. Its signature lets all through:
MLflow would cast numbers to a type without asking, so that floats between 0 and 1 became zeros, and
got an answer. What comes is checked here.

The kit names this module in the models that it logs; `facts` and `REQUIREMENTS` are for it.
"""

import base64
import binascii
import json
from pathlib import Path

import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from netserve.nets import Net
from netserve.pictures import MOST_BYTES, PictureError
from netserve.preparation import Recipe, prepare

REQUIREMENTS = ("pillow", "scipy")  # besides those of any Keras model
FACTS = "serving.json"  # in the model's folder
MOST_IMAGES = 10_000  # of a request


def facts(values):
    """What a model has to know of its data, to be served: asked when it is logged.

    Args:
        values: all of the parameters.

    Returns:
        dict for FACTS: names of the classes, and how pictures are prepared; empty where
        `datasets.yaml` does not say.
    """
    from imagesets.catalogue import find
    from studykit.errors import UserError

    try:
        entry = find(values["data"]["name"])
    except (UserError, KeyError):
        return {}
    return {
        "classes": entry.classes,
        "prepare": entry.prepare.model_dump() if entry.prepare else None,
    }


def _load_pyfunc(path):
    """MLflow's entry point: the model in a folder, as an object that predicts."""
    folder = Path(path)
    known = folder / FACTS
    return Served(
        Net(folder / "data/model.keras"),
        **(json.loads(known.read_text(encoding="utf-8")) if known.is_file() else {}),
    )


class RefusedError(MlflowException):
    """A request that is refused. Its message stays: MLflow would put all pixels before it."""

    message = property(lambda self: self._said, lambda self, text: None)

    def __init__(self, said):
        """
        Args:
            said: what was expected and received.
        """
        self._said = said
        super().__init__(said, INVALID_PARAMETER_VALUE)


class Served:
    """A net as MLflow asks it."""

    def __init__(self, net, classes=None, prepare=None):
        """
        Args:
            net: Net.
            classes: their names; numbers from 0 by default.
            prepare: box and centre of its data's Recipe, or None.
        """
        self.net = net
        self._classes = classes or [str(number) for number in range(net.units)]
        self._recipe = Recipe(net.shape[:2], net.shape[2], **(prepare or {}))

    def get_raw_model(self):
        """The keras.Model."""
        return self.net.model

    def predict(self, data):
        """What the net says of a batch.

        Args:
            data: (n, height, width, channels), values as in the data; or (n,), str: pictures in
                base64, each of one object.

        Returns:
            pandas.DataFrame, a row an image: `class`, `confidence` and `probabilities`, which is a
            dict by class.

        Raises:
            RefusedError: the data are others.
        """
        import pandas as pd

        found = self.net.probabilities(self._read(data))
        best = found.argmax(axis=1) if len(found) else np.empty(0, int)
        return pd.DataFrame(
            {
                "class": [self._classes[number] for number in best],
                "confidence": [float(row[number]) for row, number in zip(found, best, strict=True)],
                "probabilities": [
                    dict(zip(self._classes, map(float, row), strict=True)) for row in found
                ],
            }
        )

    def _read(self, data):
        expected = f"images of {' × '.join(map(str, self.net.shape))} (height, width, channels)"
        if isinstance(data, dict):
            raise RefusedError(f"expected {expected}, or pictures in base64; received objects")
        try:
            array = np.asarray(getattr(data, "values", data))  # of a data frame, its values
        except ValueError:  # lists of several lengths
            array = np.empty(())
        if array.ndim == 2 and array.shape[1:] == (1,):
            array = array[:, 0]
        if array.ndim and len(array) > MOST_IMAGES:
            raise RefusedError(
                f"expected at most {MOST_IMAGES:,} images in a request, received {len(array):,}"
            )
        if array.dtype.kind in "OU" and array.ndim == 1 and all(isinstance(v, str) for v in array):
            images = [self._picture(text, at) for at, text in enumerate(array)]
            return np.stack(images) if images else np.empty((0, *self.net.shape))
        if array.shape[1:] != self.net.shape:
            shape = " × ".join(map(str, array.shape[1:])) if array.ndim > 1 else ""
            received = f"images of {shape}" if shape else "a list without such a shape"
            raise RefusedError(f"expected {expected}, received {received}")
        return self._numbers(array)

    def _numbers(self, array):
        if array.dtype.kind == "O":
            kinds = {type(value).__name__ for value in array.ravel()}
            if others := sorted(kinds - {"int", "float"}):
                raise RefusedError(f"expected numbers, received values of type {', '.join(others)}")
            try:
                array = array.astype(np.float64)
            except OverflowError:
                raise RefusedError("expected numbers, received one that is too large") from None
        elif array.dtype.kind not in "uif":
            raise RefusedError(f"expected numbers, received values of type {array.dtype}")
        if self.net.dtype.kind in "ui":
            check_range(array, np.iinfo(self.net.dtype))
        return array

    def _picture(self, text, at):
        try:
            if len(text) > MOST_BYTES * 4 // 3 + 4:
                raise PictureError(f"expected a picture of at most {MOST_BYTES >> 20} MiB")
            content = base64.b64decode(text, validate=True)
            images = prepare(content, self._recipe)
        except binascii.Error:
            raise RefusedError(f"picture {at}: expected base64, received other text") from None
        except PictureError as error:
            raise RefusedError(f"picture {at}: {error}") from None
        if len(images) > 1:
            raise RefusedError(f"picture {at}: expected one object, found {len(images)}")
        return images[0]


def check_range(images, limits):
    """Make sure that a cast to whole numbers keeps every value, and that none was scaled before.

    Args:
        images: (n, height, width, channels), numbers.
        limits: numpy.iinfo.

    Raises:
        RefusedError: an image holds others.
    """
    expected = f"whole numbers from {limits.min} to {limits.max}, as they are in the data"
    wrong = ~((np.floor(images) == images) & (images >= limits.min) & (images <= limits.max))
    each = tuple(range(1, images.ndim))
    scaled = images.any(axis=each) & (images.max(axis=each, initial=0) <= 1)
    bad = wrong.any(axis=each) | scaled
    if bad.any():
        at = int(bad.argmax())
        received = f"{images[at][wrong[at]][0]:g}" if wrong[at].any() else "none above 1"
        raise RefusedError(
            f"image {at}: expected {expected}, received {received}; the model scales them itself"
        )
