"""The fully connected net: hidden layers of one width."""

from mnist_study.nets import classifier
from mnist_study.training.params import Training
from studykit.params import Count


class Params(Training):
    """The section train_dense."""

    hidden_layers: Count
    units: Count


def build(params):
    """Build the net, as nets.classifier describes it.

    Args:
        params: Params.
    """
    from mnist_study.compute import keras

    hidden = [
        keras.layers.Dense(params.units, activation=params.activation, name=f"hidden_{number}")
        for number in range(1, params.hidden_layers + 1)
    ]
    return classifier("dense", [keras.layers.Flatten(name="flatten"), *hidden])
