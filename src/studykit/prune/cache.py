"""What only some experiments use in DVC's cache: objects, and entries of the run cache.

Nothing else is touched: not what is unused by anybody, for which there is `dvc gc`, and not a cache
that lies outside this repository, since others may use it.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from studykit.prune.references import (
    linked_from_working_trees,
    md5s_in,
    md5s_of_working_trees,
    working_trees,
)
from studykit.records.cache import cache_folder, objects_of

OUTS = b"\nouts:\n"  # what an entry of the run cache says before what the stage made


@dataclass(frozen=True)
class Leftovers:
    """Files of the cache that nobody else uses.

    Attributes:
        objects: Paths of files' contents and of lists of folders.
        entries: Paths of entries of the run cache, which would restore those.
        size: of the objects, in bytes.
        note: why the cache is left alone; empty where it is not.
    """

    objects: list[Path]
    entries: list[Path]
    size: int = 0
    note: str = ""


def find_leftovers(used, kept):
    """Find what experiments use in the cache and nothing else does.

    Args:
        used: References of the experiments.
        kept: References of all else that Git keeps.

    Returns:
        Leftovers.
    """
    cache = cache_folder()
    if cache is None or not cache.is_dir():
        return Leftovers([], [])
    cache = cache.resolve()
    homes = [Path(tree["worktree"]).resolve() for tree in working_trees()]
    if not any(cache.is_relative_to(home) for home in homes):
        note = f"DVC's cache {cache} lies outside this repository, so others may use it: left alone"
        return Leftovers([], [], note=note)
    keep = _objects(kept.md5s | md5s_of_working_trees())
    gone = {path for path in _objects(used.md5s) - keep if (cache / path).is_file()}
    linked = linked_from_working_trees(cache)
    objects = [path for each in sorted(gone) if (path := cache / each) not in linked]
    gone = {path.relative_to(cache).as_posix() for path in objects}
    entries = [path for path in _run_cache(cache) if _objects(_made(path)) & gone]
    return Leftovers(objects, entries, sum(path.stat().st_size for path in objects))


def remove(leftovers):
    """Remove files, and the folders of entries that this leaves empty; the entries first."""
    for path in (*leftovers.entries, *leftovers.objects):
        path.unlink(missing_ok=True)
    for folder in {path.parent for path in leftovers.entries}:
        if not os.listdir(folder):
            folder.rmdir()


def _objects(md5s):
    """Paths, from the cache's folder, of all objects that files and folders consist of."""
    return {path for md5 in md5s for path in objects_of(md5)}


def _run_cache(cache):
    return [path for path in (cache / "runs").glob("??/*/*") if path.is_file()]


def _made(entry):
    """MD5 of what a stage made, by an entry of the run cache."""
    return md5s_in(entry.read_bytes().partition(OUTS)[2])
