"""Keep what takes long to make from run to run, by the MD5 of all that it depends on.

An experiment changes one model, and half of the figures show others. What goes wrong here costs
time, and changes no byte: what cannot be read, or is not what was written, is made anew.
"""

import hashlib
import io
import os
import pickle
from contextlib import suppress
from functools import cache
from pathlib import Path

from studykit.files import atomic_write
from studykit.records.origins import this_machine
from studykit.versions import version_of

FOLDER = ".dvc/tmp/kept"  # of the repository, in queued experiments too; not in Git
MOST = 50_000_000  # bytes, of those that were wanted last; a figure has some 50 kB
DIGEST = 16  # bytes


def kept(make, of, *, code, libraries):
    """Make something, or take what was made of the same; outside of DVC, make it.

    Args:
        make: function without arguments; returns bytes, the same ones for the same `of`.
        of: what it depends on, besides code and libraries; may be make itself, if that is a
            functools.partial of functions of modules, with all that it works on as arguments.
        code: folder of all the code that it calls.
        libraries: packages that it calls.
    """
    if "DVC_ROOT" not in os.environ:
        return make()
    path = Path(os.environ["DVC_ROOT"], FOLDER, _key(of, code, tuple(libraries)))
    with suppress(OSError):
        digest, made = (content := path.read_bytes())[:DIGEST], content[DIGEST:]
        if hashlib.md5(made).digest() == digest:
            os.utime(path)  # it goes after those that nobody has wanted since
            return made
    made = make()
    with suppress(OSError):
        with atomic_write(path) as beside:
            beside.write_bytes(hashlib.md5(made).digest() + made)
        _remove_oldest(path.parent)
    return made


def _remove_oldest(folder):
    """Leave MOST bytes at most."""
    stats = {file: file.lstat() for file in folder.iterdir()}
    room = MOST
    for file in sorted(stats, key=lambda file: stats[file].st_mtime_ns, reverse=True):
        room -= stats[file].st_size
        if room < 0:
            file.unlink()


def _key(of, code, libraries):
    """MD5 of values, and of the names of functions in them; of code, libraries and processor."""
    pickled = io.BytesIO()
    _ByValue(pickled).dump((of, _made_by(code, libraries)))
    return hashlib.md5(pickled.getvalue()).hexdigest()


@cache
def _made_by(code, libraries):
    files = (file for file in sorted(Path(code).rglob("*")) if file.is_file())
    versions = [version_of(name) for name in libraries]
    code = [file.read_bytes() for file in files if file.suffix != ".pyc"]
    return code, versions, this_machine()


class _ByValue(pickle.Pickler):
    """Tells values apart, but not how they lie in memory."""

    def __init__(self, file):
        super().__init__(file)
        self.fast = True  # takes no notice of which values are one object

    def reducer_override(self, value):
        if hasattr(value, "to_dict"):  # of pandas, whose text may be NumPy's or Arrow's
            return dict, (value.to_dict(),)
        return NotImplemented
