"""The study's two networks, uncompiled. Both take raw uint8 images and give ten probabilities."""

from mnist_study.data.mnist import IMAGE_SIZE, NUM_CLASSES
from mnist_study.nets.compute import keras


def build_dense(params):
    """A fully connected net: hidden layers of one width.

    Args:
        params: the section train_dense.

    Returns:
        keras.Model from uint8 (n, 28, 28, 1), intensity 0–255, to float32 (n, 10), probabilities.
    """
    model = _start("dense")
    model.add(keras.layers.Flatten(name="flatten"))
    for number in range(1, params.hidden_layers + 1):
        name = f"hidden_{number}"
        model.add(keras.layers.Dense(params.units, activation=params.activation, name=name))
    return _finish(model)


def build_cnn(params):
    """A convolutional net: convolution, max-pooling and dropout, and again; a dense layer.

    Args:
        params: the section train_cnn.

    Returns:
        keras.Model from uint8 (n, 28, 28, 1), intensity 0–255, to float32 (n, 10), probabilities.
    """
    model = _start("cnn")
    for number, filters in enumerate(params.filters, start=1):
        size = params.kernel_sizes[number - 1]
        name = f"convolution_{number}"
        model.add(keras.layers.Conv2D(filters, size, activation=params.activation, name=name))
        model.add(keras.layers.MaxPooling2D(params.pool_size, name=f"pooling_{number}"))
        if number > 1:
            model.add(keras.layers.Dropout(params.dropout, name=f"dropout_{number}"))
    model.add(keras.layers.Flatten(name="flatten"))
    model.add(keras.layers.Dense(params.units, activation=params.activation, name="hidden"))
    model.add(keras.layers.Dropout(params.dropout, name="dropout"))
    return _finish(model)


def _start(name):
    image = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), dtype="uint8", name="image")
    return keras.Sequential([image, keras.layers.Rescaling(1 / 255, name="rescaling")], name=name)


def _finish(model):
    model.add(keras.layers.Dense(NUM_CLASSES, activation="softmax", name="probability"))
    return model
