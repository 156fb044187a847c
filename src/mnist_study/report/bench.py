"""What the page's scripts are given: the networks, and test images to show them."""

import base64

import numpy as np

from mnist_study.study import NETS

BYTES = 8_000_000  # of the images, before they are written as text


def describe(results, errors, colours):
    """Networks and images, as they can be written as JSON.

    Args:
        results: Findings.
        errors: indices of test images that a net gets wrong, in the order of showing them.
        colours: net to the number of its colour.

    Returns:
        dict: shape, of an image; classes; noun; recipe, how what is drawn becomes an image; nets,
        a list of what weights.read_network returns, with name, title, colour and said, the
        predictions of each image; index and label of each image, the samples first; and pixels,
        of all images, as base64.
    """
    shape = results.image_shape
    room = max(1, BYTES // int(np.prod(shape)))
    shown = list(dict.fromkeys([*results.sampled, *errors]))[:room]
    recipe = {"box": round(20 / 28 * min(shape[:2])), "centre": "mass"}
    tables = {net: results.predictions[net].loc[shown] for net in NETS}
    nets = [
        {"name": net, "title": title, "colour": colours[net]}
        | {"said": tables[net]["prediction"].tolist(), **results.networks[net]}
        for net, title in NETS.items()
    ]
    pixels = np.stack([results.images[index] for index in shown])
    return {
        "shape": shape,
        "classes": results.classes,
        "noun": results.data["noun"],
        "recipe": recipe if shape[-1] == 1 else None,
        "nets": nets,
        "index": shown,
        "label": next(iter(tables.values()))["label"].tolist(),
        "pixels": base64.b64encode(pixels.tobytes()).decode(),
    }
