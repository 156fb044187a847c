"""Read a stored net without TensorFlow, which takes seconds to import.

A `.keras` file is a zip archive: `config.json` has the layers, `model.weights.h5` their variables,
in groups that know the layers' names.

Source: https://keras.io/guides/serialization_and_saving/
"""

import base64
import io
import json
import zipfile

import h5py

from studykit.files import md5


def read_network(path, *, most):
    """Read a `.keras` file.

    Args:
        path: of the file.
        most: bytes of weights that are wanted at most.

    Returns:
        dict: md5, of the file; bytes, of its weights; and layers, a dict for each: kind (Keras'
        class), what configures it, and weights, float32 arrays as base64, little-endian. A network
        that is no sequence of layers is one layer of its own kind; one whose weights are larger has
        no layers.
    """
    with zipfile.ZipFile(path) as archive:
        model = json.loads(archive.read("config.json"))
        stored = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(stored) as file:
        groups = [group["vars"] for group in file["layers"].values() if "vars" in group]
        arrays = {group.attrs["name"]: _read_arrays(group) for group in groups}
    size = sum(len(array) for each in arrays.values() for array in each)
    alone = [model | {"config": {"name": model["class_name"]}}]
    layers = model["config"]["layers"] if model["class_name"] == "Sequential" else alone
    read = [_describe(layer, arrays.get(layer["config"]["name"], [])) for layer in layers]
    return {"md5": md5(path), "bytes": size, "layers": read if size <= most else []}


def _read_arrays(group):
    return [group[name][()].astype("<f4").tobytes() for name in sorted(group, key=int)]


def _describe(layer, arrays):
    """Without dicts and nulls, which concern the layer's training."""
    config = {k: v for k, v in layer["config"].items() if not (v is None or isinstance(v, dict))}
    texts = [base64.b64encode(array).decode() for array in arrays]
    return {"kind": layer["class_name"]} | config | {"weights": texts}
