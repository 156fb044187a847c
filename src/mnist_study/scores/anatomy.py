"""What a network is made of."""

import math

import pandas as pd


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


def _multiply_adds(layer):
    """A kernel is used once for each position of the output, a dense one for the only one."""
    kernel = getattr(layer, "kernel", None)
    return 0 if kernel is None else math.prod(layer.output.shape[1:-1]) * math.prod(kernel.shape)
