"""The pictures that a user names: files, folders of them, standard input."""

import os
import sys
from pathlib import Path

from netserve.pictures import MOST_BYTES, PictureError
from studykit.errors import UserError

SUFFIXES = {
    ".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
}  # fmt: skip
STDIN = "-"


def list_pictures(names, folder):
    """Names of all pictures.

    Args:
        names: of files and folders, from a folder; STDIN for standard input. Of a folder, all files
            below it whose names end like a picture's count, without hidden ones.
        folder: that the names start from.

    Returns:
        list of str: names of files, as they were given or below a folder that was.

    Raises:
        UserError: a folder holds no picture.
    """
    found = []
    for name in names:
        if name == STDIN or not Path(folder, name).is_dir():
            found.append(name)
            continue
        below = sorted(_below(Path(folder, name)))
        if not below:
            raise UserError(f"{name}: expected pictures in this folder, found none")
        found += [os.path.join(name, path) for path in below]
    return found


def read_picture(name, folder):
    """The bytes of a picture, and no more than one byte beyond MOST_BYTES.

    Raises:
        PictureError: the file cannot be read.
    """
    try:
        if name == STDIN:
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        with open(os.path.join(folder, name), "rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        said = (error.strerror or str(error)).lower()
        raise PictureError(f"expected a picture, received: {said}") from None


def _below(folder):
    """Paths of the pictures below a folder, from it, without hidden ones."""
    for base, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        for file in files:
            if Path(file).suffix.lower() in SUFFIXES and not file.startswith("."):
                yield os.path.relpath(os.path.join(base, file), folder)
