"""Write what a stage puts out: whole or not at all, and the same bytes for the same content."""

import hashlib
import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from studykit.errors import UserError

ROWS_AT_ONCE = 1000  # of an array that is written block by block
TEMPORARY = ".part-"  # begins the name of a writer's folder; its process id follows


@contextmanager
def atomic_write(path):
    """Give a temporary path; when the block ends well, rename that file to the target.

    The temporary file has the target's own name, in a hidden folder `.part-…` beside it that is
    this writer's alone: two writers never share one. A writer that is killed leaves its folder,
    which Git ignores and the next one beside it removes.

    Args:
        path: the target; its folder is made.

    Yields:
        Path with the target's name.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent)
    folder = path.parent / f"{TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
    folder.mkdir()
    try:
        (folder / ".gitignore").write_text("*\n")
        yield folder / path.name
        os.replace(folder / path.name, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers(folder):
    """Remove what writers have left in a folder that were killed."""
    for left in folder.glob(f"{TEMPORARY}*-*"):
        try:
            os.kill(int(left.name.split("-")[1]), 0)  # sends nothing
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except (ValueError, OverflowError, PermissionError):  # not from here, or somebody else's
            pass


def write_json(path, content):
    """Write metrics: keys in their order, floats in full, a newline at the end."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path, shape=None):
    """Read what write_json wrote.

    Args:
        path: of the file.
        shape: type that pydantic checks it by, such as `dict[str, dict]`; None for any.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    from studykit.documents import parse_json  # it imports more than writing needs

    return parse_json(read_bytes(path), path, shape)


def write_csv(path, frame):
    """Write a pandas table without its index; floats read back exactly."""
    with atomic_write(path) as beside:
        frame.to_csv(beside, index=False, lineterminator="\n")


def read_csv(path, columns=()):
    """Read a table that write_csv wrote.

    Args:
        path: of the file.
        columns: names of columns that it has to have.

    Raises:
        UserError: there is no such file, or it is no such table.
    """
    from studykit.documents import parse_table

    return parse_table(read_bytes(path), path, columns)


def read_bytes(path):
    """What a file holds.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: expected a file, found: {error.strerror}") from None


def md5(path):
    """MD5 of a file as DVC 3 computes it: of its bytes, whatever they are."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def write_text(path, text):
    """Write text as UTF-8, whole or not at all."""
    with atomic_write(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_arrays(path, **arrays):
    """Write NumPy arrays by name as an .npz file that is not compressed.

    Args:
        path: of the file.
        arrays: each an array, or what has an array's shape and dtype, and gives the arrays of its
            slices: it is written block by block, and never held in whole.
    """
    import zipfile

    import numpy as np

    with atomic_write(path) as beside, zipfile.ZipFile(beside, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:  # dated 1980
                if isinstance(array, np.ndarray):
                    np.lib.format.write_array(file, array, allow_pickle=False)
                else:
                    _write_blocks(file, array)


def _write_blocks(file, array):
    import numpy as np

    header = {
        "descr": np.lib.format.dtype_to_descr(array.dtype),
        "fortran_order": False,
        "shape": array.shape,
    }
    np.lib.format.write_array_header_1_0(file, header)
    for start in range(0, len(array), ROWS_AT_ONCE):
        file.write(np.ascontiguousarray(array[start : start + ROWS_AT_ONCE]).data)


def write_tar(path, folder):
    """Write a folder as a tar file whose bytes depend on names and contents alone.

    Files are sorted by name, those of a folder before its subfolders; they have no owner and no
    date. What is hidden is left out, and so are empty folders.

    Args:
        path: of the file.
        folder: whose files have their names from it on.
    """
    import tarfile

    with atomic_write(path) as beside, tarfile.open(beside, "w", format=tarfile.PAX_FORMAT) as tar:
        for base, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(name for name in names if not name.startswith(".")):
                file = Path(base, name)
                member = tarfile.TarInfo(file.relative_to(folder).as_posix())
                member.size = file.stat().st_size
                with file.open("rb") as content:
                    tar.addfile(member, content)
                tar.members = []  # type: ignore[attr-defined]  # it would keep all
