"""The study's networks, a module each, and what all of them begin and end with."""

from mnist_study.data.mnist import IMAGE_SIZE, NUM_CLASSES


def classifier(name, hidden):
    """A network from raw images to class probabilities: it scales its input itself.

    Args:
        name: of the network.
        hidden: list of keras.Layer between the scaling and the last layer.

    Returns:
        keras.Sequential, not compiled, from uint8 (n, 28, 28, 1), intensity 0–255, to float32
        (n, 10), probabilities.
    """
    from mnist_study.compute import keras  # takes seconds: the parameters are checked before

    image = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), dtype="uint8", name="image")
    scaling = keras.layers.Rescaling(1 / 255, name="rescaling")
    last = keras.layers.Dense(NUM_CLASSES, activation="softmax", name="probability")
    return keras.Sequential([image, scaling, *hidden, last], name=name)
