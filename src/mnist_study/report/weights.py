"""What the page's scripts are given: the networks with their weights, and test images.

A `.keras` file is a zip archive: `config.json` has the layers, `model.weights.h5` their variables,
in groups that know the layers' names. It is read without TensorFlow, which takes seconds to import.

Source: https://keras.io/guides/serialization_and_saving/
"""

import base64
import io
import json
import zipfile

import h5py
import numpy as np

from mnist_study.study import NETS
from studykit.files import md5

LARGEST = 4_000_000  # bytes of a network's weights; those of a larger one have no room on a page
BYTES = 8_000_000  # of the images, before they are written as text


def describe(results):
    """Networks and images, as JSON can hold them.

    Returns:
        dict: shape, of an image; classes; recipe, of grey images that are drawn; index and label of
        each image, the samples first; pixels, of all; and nets, a list of what read_network
        returned, with name, title and said, the prediction of each image.
    """
    shape, tables = results.image_shape, results.predictions
    shown = dict.fromkeys([*results.sampled, *results.images])
    images = [*shown][: max(1, BYTES // np.prod(shape))]
    said = {net: tables[net]["prediction"][images].tolist() for net in NETS}
    nets = [{"name": n, "title": NETS[n], "said": said[n]} | results.networks[n] for n in NETS]
    label = tables[nets[0]["name"]]["label"][images].tolist()
    pixels = b"".join(results.images[index].tobytes() for index in images)
    recipe = dict(results.data["prepare"] or {}) if shape[2] == 1 else {}
    about = {"shape": shape, "classes": results.classes, "recipe": recipe or None, "nets": nets}
    return about | {"index": images, "label": label, "pixels": base64.b64encode(pixels).decode()}


def read_network(path):
    """Read a `.keras` file.

    Returns:
        dict: md5, of the file; bytes, of its weights; and layers, a dict for each: kind (Keras'
        class), what configures it, and weights, float32 arrays as base64, little-endian. A network
        that is no sequence of layers is one layer of its own kind; one of more than LARGEST bytes
        has no layers.
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
    return {"md5": md5(path), "bytes": size, "layers": read if size <= LARGEST else []}


def _read_arrays(group):
    return [group[name][()].astype("<f4").tobytes() for name in sorted(group, key=int)]


def _describe(layer, arrays):
    """Without dicts and nulls, which concern the layer's training."""
    config = {k: v for k, v in layer["config"].items() if not (v is None or isinstance(v, dict))}
    texts = [base64.b64encode(array).decode() for array in arrays]
    return {"kind": layer["class_name"]} | config | {"weights": texts}
