"""Data parallelism on the cores of one machine: a network on parts of each batch, side by side."""

from itertools import pairwise

from mnist_study.compute import keras


class DataParallel(keras.Model):
    """A network that is applied to each part of a batch by itself.

    No part waits for another before the optimizer's step, so each keeps a core busy. Loss, metrics
    and gradients are those of the whole batch: the gradients of the parts are summed, always in the
    same order, so the bytes depend on the number of parts and not on that of the cores.
    """

    def __init__(self, net, shards):
        """Share the weights of a network.

        Args:
            net: keras.Model.
            shards: number of parts. A batch of fewer images fails.
        """
        super().__init__(name=net.name)
        self.net = net
        self.shards = shards

    def call(self, x, training=None):
        """The network's outputs for a batch, whose first axis is that of the images."""
        size = keras.ops.shape(x)[0]
        edges = [size * shard // self.shards for shard in range(self.shards + 1)]
        parts = [self.net(x[begin:end], training=training) for begin, end in pairwise(edges)]
        return keras.ops.concatenate(parts)
