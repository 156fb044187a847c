"""The root of the project that a command is about, found from any of its subfolders."""

import os
from pathlib import Path

from studykit.errors import UserError
from studykit.records.git import git

MARKS = ("dvc.yaml", ".dvc")  # what lies at the root of a project


def find_root():
    """Find the nearest folder, from the current one upwards, that holds `dvc.yaml` or `.dvc`.

    Git's repository is not left on the way.

    Returns:
        Path, absolute.

    Raises:
        UserError: the current folder is in no working tree of Git, or no folder holds either.
    """
    top = git("rev-parse", "--show-toplevel")
    if top is None:
        raise UserError("the current folder: expected a working tree of Git, found none")
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if any((folder / mark).exists() for mark in MARKS):
            return folder
        if folder == Path(top).resolve():
            break
    raise UserError(
        f"the current folder: expected dvc.yaml or .dvc in it, or above it within {top}, "
        "found neither"
    )


def enter_root():
    """Make the project's root the current folder.

    Raises:
        UserError: as of `find_root`.
    """
    os.chdir(find_root())
