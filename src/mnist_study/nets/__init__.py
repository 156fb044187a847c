"""The study's networks, a module each, and what all of them begin and end with.

A module holds TITLE, what sentences call the net; PLACE, its place in tables and figures; Params,
its section of the parameters, `train_` and the module's name; and build.
"""


def classifier(name, hidden, *, image_shape, num_classes):
    """A network from raw images to class probabilities: it scales its input itself.

    Args:
        name: of the network.
        hidden: list of keras.Layer between the scaling and the last layer.
        image_shape: height, width and channels.
        num_classes: how many probabilities there are.

    Returns:
        keras.Sequential, not compiled, from uint8 (n, height, width, channels), intensity 0–255,
        to float32 (n, num_classes), probabilities.
    """
    from mnist_study.compute import keras  # takes seconds: the parameters are checked before

    image = keras.Input(image_shape, dtype="uint8", name="image")
    scaling = keras.layers.Rescaling(1 / 255, name="rescaling")
    last = keras.layers.Dense(num_classes, activation="softmax", name="probability")
    return keras.Sequential([image, scaling, *hidden, last], name=name)
