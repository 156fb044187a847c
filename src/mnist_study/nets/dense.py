"""The fully connected net: hidden layers of one width."""

from mnist_study.nets import classifier
from mnist_study.training.params import Activation, Training
from studykit.params import Count, Depth

TITLE, PLACE = "dense net", 1


class Params(Training):
    """The section train_dense."""

    hidden_layers: Depth
    units: Count
    activation: Activation


def build(params, **data):
    """Build the net.

    Args:
        params: Params.
        data: image_shape and num_classes, as nets.classifier takes them.

    Returns:
        keras.Sequential, as nets.classifier describes it.
    """
    from mnist_study.compute import keras

    hidden = [
        keras.layers.Dense(params.units, activation=params.activation, name=f"hidden_{number}")
        for number in range(1, params.hidden_layers + 1)
    ]
    return classifier("dense", [keras.layers.Flatten(name="flatten"), *hidden], **data)
