"""The files of a folder or of a Git commit, and their MD5 as DVC computes it, folders included."""

import hashlib
import json
import os
import posixpath
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath

from studykit.files import md5
from studykit.records.git import git, read_files

IGNORE_FILE = ".dvcignore"
NEVER_TRACKED = {".git", ".hg", ".dvc"}


def folder_md5(files):
    """MD5 of a folder as DVC 3 computes it: of the list of its files in JSON.

    Args:
        files: MD5 of each file, by its path from the folder.
    """
    listed = [{"md5": files[path], "relpath": path} for path in sorted(files)]
    return f"{hashlib.md5(json.dumps(listed).encode()).hexdigest()}.dir"


class Tree:
    """Files by their path from the project's root, which is the current folder."""

    def read(self, path) -> bytes | None:
        """The bytes of a file; None where there is none."""
        raise NotImplementedError

    def paths(self, folder) -> list[str]:
        """The paths of the files under a folder that DVC does not ignore, ascending."""
        raise NotImplementedError

    def is_folder(self, path) -> bool:
        """Whether a folder lies at a path."""
        raise NotImplementedError

    def describe(self, path) -> str:
        """What messages call a file."""
        raise NotImplementedError

    def _file_md5s(self, paths) -> dict[str, str]:
        """MD5 of files by path, without those that are not there."""
        raise NotImplementedError

    def md5(self, path):
        """MD5 of a file or a folder; None where there is neither."""
        return self.md5s([path]).get(path)

    def md5s(self, paths):
        """MD5 of files and folders by path, without those that are not there."""
        paths = list(paths)
        folders = {path: self.paths(path) for path in paths if self.is_folder(path)}
        found = self._file_md5s({*paths}.union(*folders.values()))
        digests = {path: found[path] for path in paths if path in found}
        for folder, files in folders.items():
            digests[folder] = folder_md5(
                {within(folder, file): found[file] for file in files if file in found}
            )
        return digests

    def files(self, folder):
        """MD5 of each file under a folder that DVC does not ignore, by its path from there."""
        found = self._file_md5s(self.paths(folder))
        return {within(folder, path): digest for path, digest in found.items()}

    def is_ignored(self, path):
        """Whether a `.dvcignore` hides a file or a folder from DVC.

        Args:
            path: of a folder with a slash at its end.
        """
        if path.startswith(("../", "/")):
            return False
        parts = PurePosixPath(path).parts
        ignored = not NEVER_TRACKED.isdisjoint(parts)
        for depth in range(len(parts)):
            folder = "/".join(parts[:depth])
            if (patterns := self._patterns(folder)) is not None:
                matched = patterns.check_file(path[len(folder) :].lstrip("/")).include
                ignored = ignored if matched is None else matched
        return ignored

    def _patterns(self, folder):
        """The patterns of a folder's own `.dvcignore`, or None."""
        known = self.__dict__.setdefault("_known_patterns", {})
        if folder not in known:
            content = self.read(posixpath.join(folder, IGNORE_FILE)) or b""
            known[folder] = _parse_patterns(content.decode("utf-8", "replace"))
        return known[folder]


class WorkingTree(Tree):
    """The files of a folder."""

    def __init__(self, root="."):
        self._root = Path(root)

    def read(self, path):
        file = self._root / path
        return file.read_bytes() if file.is_file() else None

    def paths(self, folder):
        found = []
        for base, folders, names in os.walk(self._root / folder):
            inside = Path(os.path.relpath(base, self._root)).as_posix()
            prefix = "" if inside == "." else f"{inside}/"
            folders[:] = [name for name in folders if not self.is_ignored(f"{prefix}{name}/")]
            files = (f"{prefix}{name}" for name in names if Path(base, name).is_file())
            found += [path for path in files if not self.is_ignored(path)]
        return sorted(found)

    def is_folder(self, path):
        return (self._root / path).is_dir()

    def describe(self, path):
        return str(self._root / path)

    def _file_md5s(self, paths):
        files = ((path, self._root / path) for path in paths)
        return {path: _md5_of_file(file) for path, file in files if file.is_file()}


class GitTree(Tree):
    """The files of a commit.

    Args:
        commit: 40 hexadecimal digits.
        name: what the user calls it.
    """

    def __init__(self, commit, name):
        self._commit, self._name = commit, name
        self._md5s: dict[str, str | None] = {}

    def read(self, path):
        if path not in self._listed:
            return None
        ((_, content),) = read_files(self._commit, [path])
        return content

    def paths(self, folder):
        prefix = "" if folder == "." else f"{posixpath.normpath(folder)}/"
        below = (path for path in self._listed if path.startswith(prefix))
        return sorted(path for path in below if not self.is_ignored(path))

    def is_folder(self, path):
        return posixpath.normpath(path) in self._folders

    def describe(self, path):
        return f"{path} of {self._name}"

    @cached_property
    def _listed(self):
        """The paths of all files."""
        listed = git("ls-tree", "-r", "-z", "--name-only", self._commit)
        return dict.fromkeys(filter(None, (listed or "").split("\0")))

    @cached_property
    def _folders(self):
        """The paths of all folders."""
        return {str(folder) for path in self._listed for folder in PurePosixPath(path).parents}

    def _file_md5s(self, paths):
        wanted = {path for path in paths if path in self._listed}
        for path, content in read_files(self._commit, sorted(wanted - self._md5s.keys())):
            self._md5s[path] = None if content is None else hashlib.md5(content).hexdigest()
        return {path: digest for path in wanted if (digest := self._md5s[path]) is not None}


def within(folder, path):
    """A path from a folder that it lies in."""
    return posixpath.relpath(path, folder)


def _parse_patterns(text):
    """The patterns of a `.dvcignore`, which are those of Git; None where there are none."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        return None
    from pathspec import GitIgnoreSpec  # only here: most live stages need no pattern

    return GitIgnoreSpec.from_lines(lines)


def _md5_of_file(file):
    """MD5 of a file, read once until it changes: a tracker meets most files in several stages."""
    file = file.resolve()
    stat = file.stat()
    return _md5_of_state(file, stat.st_ino, stat.st_size, stat.st_mtime_ns)  # as DVC tells


@lru_cache(maxsize=1024)
def _md5_of_state(file, *_):
    return md5(file)
