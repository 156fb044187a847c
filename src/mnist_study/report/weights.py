"""What the page's scripts are given: the networks with their weights, and test images."""

import base64

import numpy as np

from mnist_study.study import NETS

BYTES = 8_000_000  # of the images, before they are written as text


def describe(results):
    """Networks and images, as JSON can hold them.

    Returns:
        dict: shape, of an image; classes; recipe, of grey images that are drawn; index and label of
        each image, the samples first; pixels, of all; and nets, a list of what is in
        Findings.networks, with name, title and said, the prediction of each image.
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
