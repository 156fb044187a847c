"""The convolutional net: convolution, max-pooling and dropout, and again; then a dense layer."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from mnist_study.data.mnist import IMAGE_SIZE
from mnist_study.nets import classifier
from mnist_study.training.params import Training
from studykit.params import Count, Counts, Share


class Params(Training):
    """The section train_cnn."""

    filters: Annotated[Counts, Field(min_length=1)]
    pool_size: Count
    kernel_sizes: Counts
    units: Count
    dropout: Share

    @field_validator("kernel_sizes")
    @classmethod
    def _fits_its_input(cls, kernel_sizes, info: ValidationInfo):
        if not {"filters", "pool_size"} <= set(info.data):
            return kernel_sizes  # those have errors of their own
        if len(kernel_sizes) != len(info.data["filters"]):
            raise ValueError(f"as many as filters, {len(info.data['filters'])}")
        size = IMAGE_SIZE
        for layer, kernel_size in enumerate(kernel_sizes, start=1):
            if kernel_size > size:
                raise ValueError(f"a kernel within its input, {size} × {size} at layer {layer}")
            size = (size - kernel_size + 1) // info.data["pool_size"]
            if size == 0:
                raise ValueError(f"an image left after pooling by pool_size at layer {layer}")
        return kernel_sizes


def build(params):
    """Build the net, as nets.classifier describes it.

    Args:
        params: Params.
    """
    from mnist_study.compute import keras

    hidden = []
    for number, filters in enumerate(params.filters, start=1):
        size, name = params.kernel_sizes[number - 1], f"convolution_{number}"
        hidden += [
            keras.layers.Conv2D(filters, size, activation=params.activation, name=name),
            keras.layers.MaxPooling2D(params.pool_size, name=f"pooling_{number}"),
        ]
        if number > 1:
            hidden.append(keras.layers.Dropout(params.dropout, name=f"dropout_{number}"))
    hidden += [
        keras.layers.Flatten(name="flatten"),
        keras.layers.Dense(params.units, activation=params.activation, name="hidden"),
        keras.layers.Dropout(params.dropout, name="dropout"),
    ]
    return classifier("cnn", hidden)
