"""What a revision's `dvc.lock` says of an output: which stages it rests on, and its content."""

from studykit.records.cache import cache_folder, object_path
from studykit.records.lock import Lock
from studykit.records.pipeline import Pipeline, is_below, makers


def read_lock(revision):
    """The Lock of a revision."""
    return Lock.of(revision.tree, Pipeline.of(revision.tree))


def read_output(revision, lock, path):
    """The bytes of an output: those in Git or the working tree, else those in DVC's cache.

    Returns:
        bytes; None where the revision has no such output, or it is not at hand.
    """
    content = revision.read(path)
    if content is not None or revision.commit is None or path not in lock.outs:
        return content
    cache = cache_folder()
    file = cache and cache / object_path(lock.md5s[path])
    return file.read_bytes() if file and file.is_file() else None


def with_upstream(lock, paths):
    """Names of the stages that make the given files, and of all that these need."""
    found: set[str] = set()
    wanted = list(paths)
    while wanted:
        for name in makers(lock.outs, wanted.pop()):
            if name not in found:
                found.add(name)
                wanted += lock.stages[name].deps
    return found


def md5_of(lock, path):
    """MD5 of the output that is at a path, or of the folder that holds it; None for neither."""
    return next((lock.md5s[out] for out in lock.outs if out == path or is_below(path, out)), None)
