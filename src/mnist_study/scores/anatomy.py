"""What a network is made of, and what its first convolution sees."""

import math

import numpy as np
import pandas as pd

from mnist_study.compute import keras


def describe_layers(model):
    """One row per layer.

    Args:
        model: keras.Sequential, built.

    Returns:
        pandas.DataFrame: layer (its name), kind, output (the shape, as `24×24×20`), parameters, and
        multiply_adds, the multiply–accumulates that its products take for one image.
    """
    return pd.DataFrame(
        {
            "layer": layer.name,
            "kind": type(layer).__name__,
            "output": "×".join(str(side) for side in layer.output.shape[1:]),
            "parameters": layer.count_params(),
            "multiply_adds": _multiply_adds(layer),
        }
        for layer in model.layers
    )


def first_convolution(models, image):
    """The filters of the first convolution that a net begins with, and its answer to one image.

    Args:
        models: net to keras.Sequential.
        image: uint8 (height, width, channels).

    Returns:
        dict: net, its name; kernels, float32 (size, size, filters), the mean over channels; maps,
        float32 (height, width, filters), after the activation. Empty where no net begins so.
    """
    for net, model in models.items():
        layer = next(layer for layer in model.layers if getattr(layer, "kernel", None) is not None)
        if isinstance(layer, keras.layers.Conv2D):
            maps = keras.Model(model.inputs[0], layer.output)(image[np.newaxis])
            kernels = np.asarray(layer.kernel).mean(axis=2)
            return {"net": np.array(net), "kernels": kernels, "maps": np.asarray(maps)[0]}
    return {}


def _multiply_adds(layer):
    """A kernel is used once for each position of the output, a dense one for the only one."""
    kernel = getattr(layer, "kernel", None)
    return 0 if kernel is None else math.prod(layer.output.shape[1:-1]) * math.prod(kernel.shape)
