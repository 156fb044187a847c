"""What a network is made of."""

import math

COLUMNS = ("layer", "kind", "output", "parameters", "multiply_adds")


def describe_layers(model):
    """What there is to say of each layer.

    Args:
        model: keras.Sequential, built.

    Returns:
        dict of COLUMNS, tuples: layer (its name), kind, output (the shape, as `24×24×20`),
        parameters, and multiply_adds, what its products take for one image.
    """
    rows = (
        (
            layer.name,
            type(layer).__name__,
            "×".join(map(str, layer.output.shape[1:])),
            layer.count_params(),
            _multiply_adds(layer),
        )
        for layer in model.layers
    )
    return dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))


def _multiply_adds(layer):
    """A kernel is used once for each position of the output, a dense one for the only one."""
    kernel = getattr(layer, "kernel", None)
    return 0 if kernel is None else math.prod(layer.output.shape[1:-1]) * math.prod(kernel.shape)
