"""Shapes and types of data sets and models, read from their files without loading them."""

import json
import tokenize
import zipfile
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.lib import format as npy

KEEPS_SHAPE = ("Activation", "Softmax", "ReLU", "Dropout")  # layers, by Keras' class names
# What a file raises that is no archive, or holds something else than its name says.
BROKEN = (
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, RuntimeError,
    SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class Array:
    """What the header of an array says: shape, and type of its elements."""

    shape: tuple[int, ...]
    dtype: np.dtype


@dataclass(frozen=True)
class KerasShapes:
    """What a Keras model takes and gives, a row per example.

    Attributes:
        inputs: shape of an example.
        dtype: of the inputs' elements, as NumPy's name.
        units: numbers that it gives for an example; None where its last layer does not say it.
    """

    inputs: tuple[int, ...]
    dtype: str
    units: int | None


def npz_arrays(file):
    """The arrays x and y of a `.npz` file as Array by name; empty where it is none with both."""
    found = {}
    try:
        with zipfile.ZipFile(file) as archive:
            for name in ("x", "y"):
                with archive.open(f"{name}.npy") as member:
                    found[name] = _read_header(member)
    except BROKEN:
        return {}
    return found


def first_row(file):
    """The first row of the array x of a `.npz` file; no further one is read."""
    with zipfile.ZipFile(file) as archive, archive.open("x.npy") as member:
        header = _read_header(member)
        size = int(np.prod(header.shape[1:])) * header.dtype.itemsize
        return np.frombuffer(member.read(size), header.dtype).reshape(header.shape[1:])


def _read_header(member):
    version = npy.read_magic(member)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(member)
    return Array(shape, dtype)


def keras_shapes(file):
    """Read what a `.keras` file says of its model.

    Returns:
        KerasShapes; None where the file says no such thing, or the model has not exactly one input
        of a fixed shape.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            config = json.loads(archive.read("config.json"))["config"]
        layers = config.get("layers", [])
        inputs = [layer for layer in layers if layer["class_name"] == "InputLayer"]
        if len(inputs) != 1 or None in inputs[0]["config"]["batch_shape"][1:]:
            return None
        given = inputs[0]["config"]
        return KerasShapes(tuple(given["batch_shape"][1:]), given["dtype"], _units(config, layers))
    except BROKEN:
        return None


def _units(config, layers):
    """Units of the layer that gives the outputs, looked for through layers that keep its shape."""
    if "output_layers" in config:  # of a functional model: name, node and tensor of the only output
        output = config["output_layers"]
        names = [layer["name"] for layer in layers]
        if not output or not isinstance(output[0], str):
            return None
        layers = layers[: names.index(output[0]) + 1]
    for layer in reversed(layers):
        if layer["class_name"] not in KEEPS_SHAPE:
            return layer["config"].get("units")
    return None
