"""Write what a stage puts out: whole or not at all, and the same bytes for the same content."""

import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path):
    """Give a temporary path beside the target; when the block ends well, rename it to the target.

    Args:
        path: the target; its folder is made.

    Yields:
        Path with the target's suffix.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path, content):
    """Write metrics: keys in their order, floats with all their digits, a newline at the end."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path):
    """Read what write_json wrote."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_csv(path, frame):
    """Write a pandas table without its index; floats read back exactly."""
    with atomic_write(path) as beside:
        frame.to_csv(beside, index=False, lineterminator="\n")


def md5(path):
    """MD5 of a file as DVC 3 computes it: of its bytes, whatever they are."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def write_text(path, text):
    """Write text as UTF-8, whole or not at all."""
    with atomic_write(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_arrays(path, **arrays):
    """Write NumPy arrays by name as an .npz file that is not compressed."""
    import numpy as np

    with atomic_write(path) as beside:
        np.savez(beside, **arrays)
