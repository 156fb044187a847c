"""Keep what takes long to draw from run to run, by the MD5 of all that it depends on.

An experiment changes one model, and half of the figures show others. What goes wrong here costs the
time of drawing, never a figure: what cannot be read, or is not what was written, is drawn.
"""

import hashlib
import io
import os
import pickle
from contextlib import suppress
from functools import cache
from pathlib import Path

from studykit.files import atomic_write
from studykit.versions import version_of

FOLDER = ".dvc/tmp/kept"  # of the repository, in queued experiments too; not in Git
MOST = 300  # files, the newest; a figure has some 50 kB
DIGEST = 16  # bytes


def kept(draw, *, code, libraries):
    """Draw, or take what was drawn of the same; outside of DVC, draw.

    Args:
        draw: functools.partial of functions of modules, with all that is drawn as arguments;
            returns bytes, the same ones for the same arguments.
        code: folder of all the code that it calls.
        libraries: packages that it calls.
    """
    if "DVC_ROOT" not in os.environ:
        return draw()
    path = Path(os.environ["DVC_ROOT"], FOLDER, _key(draw, code, tuple(libraries)))
    with suppress(OSError):
        digest, drawn = (content := path.read_bytes())[:DIGEST], content[DIGEST:]
        if hashlib.md5(drawn).digest() == digest:
            return drawn
    drawn = draw()
    with suppress(OSError):
        with atomic_write(path) as beside:
            beside.write_bytes(hashlib.md5(drawn).digest() + drawn)
        files = sorted(path.parent.iterdir(), key=lambda file: file.lstat().st_mtime)
        for old in files[:-MOST]:
            old.unlink()
    return drawn


def _key(draw, code, libraries):
    """MD5 of the functions' names, of their arguments, of the code and of the libraries."""
    pickled = io.BytesIO()
    _ByValue(pickled).dump((draw, _drawn_by(code, libraries)))
    return hashlib.md5(pickled.getvalue()).hexdigest()


@cache
def _drawn_by(code, libraries):
    files = (file for file in sorted(Path(code).rglob("*")) if file.is_file())
    versions = [version_of(name) for name in libraries]
    return [file.read_bytes() for file in files if file.suffix != ".pyc"], versions


class _ByValue(pickle.Pickler):
    """Tells values apart, but not how they lie in memory."""

    def __init__(self, file):
        super().__init__(file)
        self.fast = True  # takes no notice of which values are one object

    def reducer_override(self, value):
        if hasattr(value, "to_dict"):  # of pandas, whose text may be NumPy's or Arrow's
            return dict, (value.to_dict(),)
        return NotImplemented
