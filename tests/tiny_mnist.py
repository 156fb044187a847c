"""A tiny MNIST that can be learned: a bright square on noise, in a place of its own per digit."""

import hashlib
import struct
from pathlib import Path

import numpy as np

SIDE = 28
SQUARE = 6  # pixels a side
ROWS, COLUMNS = (5, 17), (0, 5, 10, 15, 20)  # corners of the ten squares


def write_tiny_mnist(folder, num_train=600, num_test=200, seed=0):
    """Write the four IDX files, uncompressed.

    Args:
        folder: is made when it does not exist.
        num_train: training images.
        num_test: test images.
        seed: of the NumPy generator.

    Returns:
        dict: file name to the SHA-256 of its content, as hexadecimal digits.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    sha256 = {}
    for part, number in (("train", num_train), ("t10k", num_test)):
        x, y = make_digits(number, rng)
        contents = {
            f"{part}-images-idx3-ubyte": struct.pack(">4B3I", 0, 0, 8, 3, *x.shape) + x.tobytes(),
            f"{part}-labels-idx1-ubyte": struct.pack(">4B1I", 0, 0, 8, 1, *y.shape) + y.tobytes(),
        }
        for name, content in contents.items():
            (folder / name).write_bytes(content)
            sha256[name] = hashlib.sha256(content).hexdigest()
    return sha256


def make_digits(number, rng):
    """Draw labels, and their images.

    Returns:
        uint8 (n, 28, 28), intensity 0–255; uint8 (n,), digit 0–9.
    """
    y = rng.integers(0, 10, number, dtype=np.uint8)
    x = rng.integers(0, 100, (number, SIDE, SIDE), dtype=np.uint8)
    for image, digit in zip(x, y, strict=True):
        top, left = ROWS[digit // 5], COLUMNS[digit % 5]
        down, right = rng.integers(-2, 3, 2)  # each square shifted a little
        top, left = top + down, max(0, left + right)
        image[top : top + SQUARE, left : left + SQUARE] += 150
    return x, y
