"""A training step's kernels alone: `python -m benchmarks.contenders.kernels NET THREADS`.

Each convolution, matrix product and pooling of one step, forward and backward, is called in a loop
of its own on tensors that lie ready. A turn is the sum of each one's best time, in milliseconds. It
leaves out what else a step does: activations, dropout, loss, optimizer, data, the graph between.
NET `matmul` is one large matrix product; its turn is in GFLOP/s.
"""

import os
import sys
import time
from functools import partial
from itertools import pairwise

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

from benchmarks.processes import Turns

BATCH = 32
TRIES = 5
WINDOW = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID"}
STRIDES = {"strides": [1, 1, 1, 1], "padding": "VALID"}
LARGE = 2048  # rows and columns of the large matrices


def dense():
    widths = (784, 30, 30, 30, 30, 30, 10)
    return [kernel for pair in pairwise(widths) for kernel in product(*pair)][1:]


def cnn():
    return [
        *convolution(28, 1, 5, 20)[1:],
        *pooling(24, 20),
        *convolution(12, 20, 3, 40),
        *pooling(10, 40),
        *convolution(5, 40, 2, 60),
        *pooling(4, 60),
        *product(240, 100),
        *product(100, 10),
    ]


def product(inputs, outputs):
    """Kernels of a dense layer; first the gradient of its input, which no first layer needs."""
    x, weights, dy = normal(BATCH, inputs), normal(inputs, outputs), normal(BATCH, outputs)
    return [
        partial(tf.matmul, dy, weights, transpose_b=True),
        partial(tf.matmul, x, dy, transpose_a=True),
        partial(tf.matmul, x, weights),
    ]


def convolution(size, inputs, kernel, filters):
    """Kernels of a convolution of a square image, in the order of product."""
    left = size - kernel + 1
    x, dy = normal(BATCH, size, size, inputs), normal(BATCH, left, left, filters)
    weights = normal(kernel, kernel, inputs, filters)
    raw = tf.raw_ops
    return [
        partial(
            raw.Conv2DBackpropInput, input_sizes=x.shape, filter=weights, out_backprop=dy, **STRIDES
        ),
        partial(
            raw.Conv2DBackpropFilter,
            input=x,
            filter_sizes=weights.shape,
            out_backprop=dy,
            **STRIDES,
        ),
        partial(raw.Conv2D, input=x, filter=weights, **STRIDES),
    ]  # fmt: skip


def pooling(size, channels):
    x = normal(BATCH, size, size, channels)
    y = tf.raw_ops.MaxPool(input=x, **WINDOW)
    return [
        partial(tf.raw_ops.MaxPool, input=x, **WINDOW),
        partial(tf.raw_ops.MaxPoolGrad, orig_input=x, orig_output=y, grad=y, **WINDOW),
    ]


def normal(*shape):
    return tf.random.normal(shape)


def looped(kernel, times):
    """Call a kernel many times from within TensorFlow."""

    @tf.function
    def loop():
        total = 0.0
        for _ in tf.range(times):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            total += tf.reshape(kernel(), [-1])[0]  # so that it is not left out
        return total

    loop()
    return loop


def milliseconds(loop, times):
    """Best time of a call."""
    tries = []
    for _ in range(TRIES):
        began = time.perf_counter()
        loop().numpy()
        tries.append(time.perf_counter() - began)
    return 1000 * min(tries) / times


def main():
    turns = Turns()
    net, threads = sys.argv[1:]
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if net == "matmul":
        loop = looped(partial(tf.matmul, normal(LARGE, LARGE), normal(LARGE, LARGE)), 4)
        while True:
            turns.answer(2 * LARGE**3 / 1e6 / milliseconds(loop, 4))
    times = 100
    loops = [looped(kernel, times) for kernel in {"dense": dense, "cnn": cnn}[net]()]
    while True:
        turns.answer(sum(milliseconds(loop, times) for loop in loops))


if __name__ == "__main__":
    main()
