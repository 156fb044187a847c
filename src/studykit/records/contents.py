"""The content that a revision has at a path, also of what only DVC's cache holds."""

import posixpath

from studykit.records.cache import files_of_folder
from studykit.records.git import git
from studykit.records.lock import md5_in_dvc_file
from studykit.records.pipeline import is_below
from studykit.records.trees import folder_md5, within

MISSING, UNKNOWN = "missing", "unknown"


class Contents:
    """MD5 of what lies at a path, as `dvc status` would find it where all data are there.

    A tree's own files count. Where it has none, the content is the one that `dvc.lock` says of the
    stage that makes it, or the one that a `.dvc` file says.

    Args:
        tree: Tree.
        pipeline: its Pipeline.
        lock: its Lock.
    """

    def __init__(self, tree, pipeline, lock):
        self._tree = tree
        self._cached = {
            out.path: locked.outs[out.path]
            for name, stage in pipeline.stages.items()
            if (locked := lock.stages.get(name))
            for out in stage.outs
            if out.is_cached and out.path in locked.outs
        }

    def md5(self, path, without=()):
        """MD5 of a file or folder.

        Args:
            path: of the file or folder.
            without: paths of files and folders in it that are left out.

        Returns:
            str: the MD5; or MISSING; or UNKNOWN where neither Git nor this machine's cache says.
        """
        if not self._tree.is_folder(path) and (own := self._tree.md5(path)):
            return own
        if files := self._files_of_folder(path, without):
            return UNKNOWN if UNKNOWN in files.values() else folder_md5(files)
        if self._tree.is_folder(path):
            return folder_md5({})
        if (cached := self._find_cached(path)) is not None:
            return cached
        is_local = git("check-ignore", "--quiet", path) is not None
        return UNKNOWN if is_local else MISSING

    def _files_of_folder(self, path, without):
        """MD5 of each file below a path: in the tree, and outputs that only the cache holds."""
        files = self._tree.files(path) if self._tree.is_folder(path) else {}
        below = {out: md5 for out, md5 in self._cached.items() if is_below(out, path)}
        for name in [name for name in files if name.endswith(".dvc")]:
            data = posixpath.join(path, name.removesuffix(".dvc"))
            if (md5 := md5_in_dvc_file(self._tree, f"{data}.dvc")) is not None:
                below[data] = md5
        for out, md5 in below.items():
            if not self._tree.is_folder(out) and within(path, out) not in files:
                listed = _list(md5)
                files |= {within(path, posixpath.join(out, name)): listed[name] for name in listed}
        left_out = {within(path, each) for each in without}
        return {
            name: md5
            for name, md5 in files.items()
            if not any(name == each or is_below(name, each) for each in left_out)
        }

    def _find_cached(self, path):
        """MD5 of an output, of what lies in one, or of what a `.dvc` file says; None elsewhere."""
        outer, inner = path, ""
        while outer not in ("", ".", "/"):
            md5 = self._cached.get(outer) or md5_in_dvc_file(self._tree, f"{outer}.dvc")
            if md5 is not None:
                return _pick(md5, inner)
            outer, name = posixpath.split(outer)
            inner = posixpath.join(name, inner) if inner else name
        return None


def _list(md5):
    """MD5 of each file by its path from what has an MD5: a file itself at "", or a folder."""
    if not md5.endswith(".dir"):
        return {"": md5}
    listed = files_of_folder(md5)
    return {"": UNKNOWN} if listed is None else listed


def _pick(md5, inner):
    """MD5 of what lies at a path in a folder of an MD5."""
    if not inner:
        return md5
    listed = _list(md5)
    if inner in listed:
        return listed[inner]
    below = {within(inner, path): each for path, each in listed.items() if is_below(path, inner)}
    return folder_md5(below) if below else UNKNOWN
