"""Data sets for tests, made by hand: entries, pictures and archives."""

import io
import struct
import zipfile

import numpy as np
from PIL import Image

from imagesets.catalogue import make_entry


def entry(**values):
    """An entry of three classes named pets, with what matters in a test."""
    usual = {
        "title": "Pets",
        "noun": "pet",
        "format": "folder",
        "sources": ["/nowhere"],
        "files": {"pets.zip": "0" * 64},
        "classes": ["cat", "dog", "owl"],
        "licence": "",
        "cite": "",
        "claims": [],
    }
    return make_entry("pets", usual | values)


def named(*names):
    """Files of an entry."""
    return dict.fromkeys(names, "0" * 64)


def idx(*shape, values, kind=8):
    """The bytes of an IDX file."""
    head = bytes([0, 0, kind, len(shape)])
    return head + struct.pack(f">{len(shape)}I", *shape) + bytes(values)


def picture(level=0, size=(4, 4), kind="PNG", **options):
    """The bytes of a picture of one intensity (a number) or colour (three), of a height and width.

    JPEG keeps a picture of one intensity as it is.
    """
    pixels = np.full((*size, *np.shape(level)), level, np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def zipped(path, members):
    """Write a zip archive of names and bytes; return its path."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
