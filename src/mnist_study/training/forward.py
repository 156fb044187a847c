"""How a batch goes through a network while it is trained: the same numbers in less time.

Two things are changed. Parts of the batch are computed side by side, one a core. And pooling comes
before bias and activation, which then have a quarter of the values to work on: the largest value is
the same one before and after them, as long as the activation never decreases.
"""

from itertools import pairwise

from mnist_study.compute import keras

NEVER_DECREASING = ("elu", "leaky_relu", "linear", "relu", "selu", "sigmoid", "tanh")


class Forward(keras.Model):
    """A network whose layers but the last are applied to each part of a batch by itself.

    The parts meet at the last layer and at the optimizer's step; meanwhile each keeps a core busy.
    Loss, metrics and gradients are those of the whole batch: the gradients of the parts are summed,
    always in the same order, so the bytes depend on the number of parts and not on that of cores.
    """

    def __init__(self, net, shards):
        """Share the weights of a network.

        Args:
            net: keras.Sequential.
            shards: number of parts. A batch of fewer images fails.
        """
        super().__init__(name=net.name)
        self.net = net
        self.shards = shards
        # The last layer is left whole: Keras trains on the logits of a softmax, and finds them only
        # if that made the output.
        self._steps = list(_steps(net.layers[:-1]))

    def call(self, x, training=None):
        """The network's outputs for a batch, whose first axis is that of the images."""
        size = keras.ops.shape(x)[0]
        edges = [size * shard // self.shards for shard in range(self.shards + 1)]
        parts = []
        for begin, end in pairwise(edges):
            part = x[begin:end]
            for step in self._steps:
                part = step(part, training)
            parts.append(part)
        return self.net.layers[-1](keras.ops.concatenate(parts))


def _steps(layers):
    """Functions of values and `training`: one a layer, or one for a convolution and its pooling."""
    layers = list(layers)
    while layers:
        layer = layers.pop(0)
        if layers and _can_pool_first(layer, layers[0]):
            yield _pool_first(layer, layers.pop(0))
        else:
            yield _plain(layer)


def _can_pool_first(layer, after):
    return (
        isinstance(layer, keras.layers.Conv2D)
        and isinstance(after, keras.layers.MaxPooling2D)
        and layer.use_bias
        and layer.activation.__name__ in NEVER_DECREASING
    )


def _pool_first(convolution, pooling):
    def step(x, training):
        pooled = pooling(convolution.convolution_op(x, convolution.kernel))
        return convolution.activation(pooled + convolution.bias)

    return step


def _plain(layer):
    takes_training = isinstance(layer, keras.layers.Dropout)

    def step(x, training):
        return layer(x, training=training) if takes_training else layer(x)

    return step
