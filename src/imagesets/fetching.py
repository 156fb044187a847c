"""Bring a data set's files into a folder that holds nothing else."""

from pathlib import Path

from imagesets.catalogue import FILE, read_catalogue
from studykit.errors import UserError


def fetch(entry, folder, *, timeout, retries):
    """Bring the files of an entry, each checked against its SHA-256.

    Files of other entries are removed: any run of theirs can bring them again. What no entry knows
    is somebody's own, and refused.

    Args:
        entry: Entry.
        folder: of the files.
        timeout, retries: as `studykit.sources.fetch_files` takes them.

    Returns:
        File name -> the source that it came from.

    Raises:
        UserError: a file is nobody's, or is not to be had.
    """
    from studykit.sources import fetch_files  # only now: it takes a while to import

    folder = Path(folder)
    _remove_others(entry, folder)
    return fetch_files(
        entry.sources,
        entry.files,
        folder,
        timeout=timeout,
        retries=retries,
        parameter=f"{FILE}:{entry.name}.sources",
    )


def _remove_others(entry, folder):
    # The other entries are not checked, and need not be right.
    listed = [each.get("files") for each in read_catalogue().values() if isinstance(each, dict)]
    known = {name for files in listed if isinstance(files, dict) for name in files}
    others = [
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.name not in entry.files and not path.name.startswith(".")
    ]
    if strange := [path for path in others if path.name not in known or not path.is_file()]:
        raise UserError(
            f"{strange[0]}: expected only files of data sets that {FILE} lists; move it elsewhere"
        )
    for path in others:
        path.unlink()
