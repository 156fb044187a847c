"""A tiny synthetic MNIST: ten kinds of blob that a net can tell apart."""

import hashlib
import struct

import numpy as np


def write_tiny_mnist(folder, *, num_train=300, num_test=100, seed=0):
    """Write four IDX files under MNIST's names.

    Args:
        folder: made where it is missing.
        num_train, num_test: images of each part.
        seed: of all that is random.

    Returns:
        dict: file name to SHA-256.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    sha256 = {}
    for part, number in (("train", num_train), ("t10k", num_test)):
        y = np.arange(number, dtype=np.uint8) % 10
        rng.shuffle(y)
        contents = {
            f"{part}-images-idx3-ubyte": struct.pack(">4B3I", 0, 0, 8, 3, number, 28, 28)
            + draw_blobs(y, rng).tobytes(),
            f"{part}-labels-idx1-ubyte": struct.pack(">4BI", 0, 0, 8, 1, number) + y.tobytes(),
        }
        for name, content in contents.items():
            (folder / name).write_bytes(content)
            sha256[name] = hashlib.sha256(content).hexdigest()
    return sha256


def draw_blobs(y, rng):
    """A bright square whose place tells the digit, on noise: uint8 (n, 28, 28)."""
    x = rng.integers(0, 100, size=(len(y), 28, 28), dtype=np.uint8)
    for image, digit in zip(x, y, strict=True):
        row, column = divmod(int(digit), 4)
        image[3 + 8 * row : 9 + 8 * row, 1 + 7 * column : 6 + 7 * column] += 150
    return x
