"""The convolutional net: convolution, max-pooling and dropout, and again; then a dense layer."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from mnist_study.nets import classifier
from mnist_study.training.params import Activation, Training
from studykit.errors import UserError
from studykit.params import Count, Counts, Share

TITLE, PLACE = "CNN", 2


class Params(Training):
    """The section train_cnn."""

    filters: Annotated[Counts, Field(min_length=1)]
    pool_size: Count
    kernel_sizes: Counts
    units: Count
    dropout: Share
    activation: Activation

    @field_validator("kernel_sizes")
    @classmethod
    def _is_one_for_each_convolution(cls, kernel_sizes, info: ValidationInfo):
        filters = info.data.get("filters", kernel_sizes)  # which have errors of their own
        if len(kernel_sizes) != len(filters):
            raise ValueError(f"as many as filters, {len(filters)}")
        return kernel_sizes


def build(params, *, image_shape, num_classes):
    """Build the net.

    Where an image is too small to lose its margin to each convolution, the convolutions pad theirs.

    Args:
        params: Params.
        image_shape, num_classes: as nets.classifier takes them.

    Returns:
        keras.Sequential, as nets.classifier describes it.

    Raises:
        UserError: even so, pooling leaves nothing of an image.
    """
    from mnist_study.compute import keras

    padding = choose_padding(params, min(image_shape[:2]))
    hidden = []
    for number, filters in enumerate(params.filters, start=1):
        size, name = params.kernel_sizes[number - 1], f"convolution_{number}"
        hidden += [
            keras.layers.Conv2D(
                filters, size, padding=padding, activation=params.activation, name=name
            ),
            keras.layers.MaxPooling2D(params.pool_size, name=f"pooling_{number}"),
        ]
        if number > 1:
            hidden.append(keras.layers.Dropout(params.dropout, name=f"dropout_{number}"))
    hidden += [
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(params.units, activation=params.activation, name="hidden"),
        keras.layers.Dropout(params.dropout, name="dropout"),
    ]
    return classifier("cnn", hidden, image_shape=image_shape, num_classes=num_classes)


def choose_padding(params, side):
    """How the convolutions treat the margin of an image, in Keras' words: valid, or else same.

    Args:
        params: Params.
        side: of the image, the shorter one, in pixels.

    Raises:
        UserError: with neither is there a pixel left.
    """
    for padding in ("valid", "same"):
        left = side
        for kernel_size in params.kernel_sizes:
            lost = kernel_size - 1 if padding == "valid" else 0
            left = (left - lost) // params.pool_size if left > lost else 0
        if left:
            return padding
    raise UserError(
        f"params.yaml: train_cnn.pool_size: expected a pixel left of {side} after pooling "
        f"{len(params.filters)} times, received {params.pool_size}; pool less or less often"
    )
