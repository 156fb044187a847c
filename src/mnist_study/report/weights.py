"""A saved network as a page can hold it: its layers in order, with their weights as text.

A `.keras` file is a zip archive: `config.json` has the layers, `model.weights.h5` their variables,
in groups that know the layers' names. It is read without TensorFlow, which takes seconds to import.

Source: https://keras.io/guides/serialization_and_saving/
"""

import base64
import hashlib
import io
import json
import zipfile
from pathlib import Path

import h5py

LARGEST = 4_000_000  # bytes of a network's weights; those of a larger one have no room on a page


def read_network(path):
    """Read a network.

    Args:
        path: of a `.keras` file.

    Returns:
        dict: md5, of the file; bytes, of its weights; and layers, a dict for each: kind (Keras'
        class), what configures it, and weights, float32 arrays as base64, little-endian. A network
        that is no sequence of layers is one layer of its own kind; one of more than LARGEST bytes
        has no layers.
    """
    content = Path(path).read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        model = json.loads(archive.read("config.json"))
        stored = io.BytesIO(archive.read("model.weights.h5"))
    layers = model["config"]["layers"] if model["class_name"] == "Sequential" else [model]
    with h5py.File(stored, "r") as file:
        groups = [group["vars"] for group in file["layers"].values() if "vars" in group]
        variables = {group.attrs["name"]: group for group in groups}
        read = [_read_arrays(variables.get(layer["config"]["name"], {})) for layer in layers]
    size = sum(len(array) for arrays in read for array in arrays)
    described = [_describe(*each) for each in zip(layers, read, strict=True)]
    return {
        "md5": hashlib.md5(content).hexdigest(),
        "bytes": size,
        "layers": described if size <= LARGEST else [],
    }


def _read_arrays(group):
    return [group[name][()].astype("<f4").tobytes() for name in sorted(group, key=int)]


def _describe(layer, arrays):
    config = {key: value for key, value in layer["config"].items() if _is_plain(value)}
    texts = [base64.b64encode(array).decode() for array in arrays]
    return {"kind": layer["class_name"], **config, "weights": texts}


def _is_plain(value):
    """A number, a text, or a list of them: the rest of a layer's configuration is for training."""
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    return isinstance(value, int | float | str)
