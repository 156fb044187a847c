"""The formats that images come in: a module for each.

A format's module has two functions. `read(folder, entry, fit)` returns Parts. `guess(folder,
names)` looks at files that somebody adds, and returns keys of their entry.
"""

import tarfile
import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from importlib import import_module

import numpy as np

BROKEN = (  # what libraries raise for files that are not what their names say
    OSError, EOFError, ValueError, LookupError, TypeError, ArithmeticError, RuntimeError,
    MemoryError, SyntaxError, tokenize.TokenError, zlib.error, tarfile.TarError, zipfile.BadZipFile,
)  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """What a format's reader finds.

    Attributes:
        x: uint8 (n, height, width, channels), intensity 0–255: training images, then test images.
        labels: (n,), integers or str, as the files have them.
        num_train: how many of the images are for training; all where nothing is marked as a test.
    """

    x: np.ndarray
    labels: np.ndarray
    num_train: int


def module(name):
    """The module of a format; only this imports what that format needs."""
    return import_module(f"imagesets.formats.{name}")


def parts_of(names):
    """Files as training and test files, by their names: keys of an entry, or none for one file.

    Args:
        names: of files.
    """
    stems = {name: name.lower().rpartition("/")[2] for name in names}
    test = [name for name, stem in stems.items() if stem.startswith(("t10k", "test"))]
    if len(names) < 2 or len(test) == len(names):
        return {}
    return {"train": [name for name in names if name not in test], "test": test}
