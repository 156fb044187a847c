"""Time per training step of JAX: `python -m benchmarks.contenders.jax_loop NET DATA`.

An epoch is one jitted loop. Images are float32 in [0, 1] beforehand, and no metric is kept: less
work than Keras does.
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.processes import Turns

BATCH = 32
SHAPES = {  # of the kernels; those of four dimensions are convolutions
    "dense": [(784, 30), *[(30, 30)] * 4, (30, 10)],
    "cnn": [(5, 5, 1, 20), (3, 3, 20, 40), (2, 2, 40, 60), (240, 100), (100, 10)],
}
LAYOUT = ("NHWC", "HWIO", "NHWC")


def apply(weights, x, key, net):
    """Logits: ReLU after each layer but the last, and the CNN's pooling and dropout."""
    for number, (kernel, bias) in enumerate(weights):
        if kernel.ndim == 4:
            x = jax.nn.relu(
                jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=LAYOUT)
                + bias
            )
            window = (1, 2, 2, 1)
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
        else:
            x = x.reshape(len(x), -1) @ kernel + bias
            if number < len(weights) - 1:
                x = jax.nn.relu(x)
        if net == "cnn" and 0 < number < len(weights) - 1:
            kept = jax.random.bernoulli(jax.random.fold_in(key, number), 0.8, x.shape)
            x = jnp.where(kept, x / 0.8, 0)
    return x


def main():
    turns = Turns()
    net, path = sys.argv[1:]
    with np.load(path) as data:
        x = jnp.asarray(data["x"].astype("float32") / 255)
        y = jnp.asarray(data["y"].astype("int32"))
    optimizer = optax.adam(0.001, eps=1e-7)

    def loss(weights, images, labels, key):
        logits = apply(weights, images, key, net)
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    @jax.jit
    def epoch(state, key):
        def step(state, chosen):
            (weights, moments), number = state
            gradients = jax.grad(loss)(
                weights, x[chosen], y[chosen], jax.random.fold_in(key, number)
            )
            updates, moments = optimizer.update(gradients, moments)
            return ((optax.apply_updates(weights, updates), moments), number + 1), None

        order = jax.random.permutation(key, len(x)).reshape(-1, BATCH)
        return jax.lax.scan(step, (state, 0), order)[0][0]

    initialise = jax.nn.initializers.glorot_uniform()
    keys = jax.random.split(jax.random.key(0), len(SHAPES[net]))
    weights = [
        (initialise(key, shape), jnp.zeros(shape[-1]))
        for key, shape in zip(keys, SHAPES[net], strict=True)
    ]
    state = (weights, optimizer.init(weights))
    for number in range(sys.maxsize):
        began = time.perf_counter()
        state = jax.block_until_ready(epoch(state, jax.random.key(number)))
        turns.answer(1000 * (time.perf_counter() - began) / (len(x) / BATCH))


if __name__ == "__main__":
    main()
