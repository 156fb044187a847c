"""DVC's cache on this machine: the content of inputs and outputs by their MD5."""

import os
import re
import shutil
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel

from studykit.errors import UserError
from studykit.files import read_json

MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")


def cache_folder():
    """Where the cache of the current folder's project is; None where DVC knows none."""
    return _cache_folder(os.getcwd())


def object_path(md5):
    """Path of an object from the cache's folder."""
    return f"files/md5/{md5[:2]}/{md5[2:]}"


def files_of_folder(md5):
    """MD5 by path of the files of a folder, from its list in the cache; None where it has none.

    Args:
        md5: of the folder, with `.dir` at its end.

    Raises:
        UserError: the list is spoilt.
    """
    cache = cache_folder()
    listed = cache and cache / object_path(md5)
    if not listed or not listed.is_file():
        return None
    try:
        items = read_json(listed, list[_Item])
    except UserError as error:
        raise UserError(f"{error}; remove it: `dvc fetch` or `dvc repro` brings it") from None
    return {item["relpath"]: item["md5"] for item in items}


def objects_of(md5):
    """Paths, from the cache's folder, of all objects that a file or a folder consists of."""
    if not MD5.fullmatch(md5):
        return []
    files = (files_of_folder(md5) or {}) if md5.endswith(".dir") else {}
    return [object_path(each) for each in (md5, *dict.fromkeys(files.values()))]


def copy_from_cache(md5, target):
    """Copy a file or a folder out of the cache; what the cache lacks of it is left out.

    Args:
        md5: of the file or folder.
        target: Path of the copy.
    """
    cache = cache_folder()
    if cache is None:
        return
    if md5.endswith(".dir"):
        files = {target / path: each for path, each in (files_of_folder(md5) or {}).items()}
    else:
        files = {target: md5}
    for path, each in files.items():
        if (source := cache / object_path(each)).is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)


class _Item(BaseModel):
    """A file in the list of a folder."""

    relpath: str
    md5: str


@lru_cache(maxsize=16)
def _cache_folder(root):
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(root) as repository:
            return Path(repository.cache.local_cache_dir)
    except DvcException:
        return None
