"""Data parallelism on the cores of one machine: a network on parts of each batch, side by side."""

from itertools import pairwise

from mnist_study.nets.compute import keras


class DataParallel(keras.Model):
    """A network whose layers but the last are applied to each part of a batch by itself.

    The parts meet at the last layer and at the optimizer's step; meanwhile each keeps a core busy.
    Loss, metrics and gradients are those of the whole batch: the gradients of the parts are summed,
    always in the same order, so the bytes depend on the number of parts and not on that of cores.
    """

    def __init__(self, net, shards):
        """Share the weights of a network.

        Args:
            net: keras.Model, a chain of layers.
            shards: number of parts. A batch of fewer images fails.
        """
        super().__init__(name=net.name)
        # In this order, so that the weights are in the network's. The last layer is left whole:
        # Keras trains on the logits of a softmax, and finds them only if that made the output.
        self.others = keras.Model(net.inputs, net.layers[-1].input)
        self.last = net.layers[-1]
        self.shards = shards

    def call(self, x, training=None):
        """The network's outputs for a batch, whose first axis is that of the images."""
        size = keras.ops.shape(x)[0]
        edges = [size * shard // self.shards for shard in range(self.shards + 1)]
        parts = [self.others(x[begin:end], training=training) for begin, end in pairwise(edges)]
        return self.last(keras.ops.concatenate(parts))
