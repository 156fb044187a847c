"""Some files of many commits, read together: one process of Git for all, not one a commit."""

from studykit.records.git import git, read_all
from studykit.records.pipeline import is_below
from studykit.records.trees import GitTree


class Snapshot(GitTree):
    """The files of a commit, some of which were read ahead.

    Args:
        commit: 40 hexadecimal digits.
        name: what the user calls it.
    """

    def __init__(self, commit, name):
        super().__init__(commit, name)
        self.commit = commit
        self._held: dict[str, bytes | None] = {}
        self._below: dict[str, list[str]] = {}

    def read(self, path):
        return self._held[path] if path in self._held else super().read(path)

    def paths(self, folder):
        return self._below[folder] if folder in self._below else super().paths(folder)

    def hold(self, path, content):
        """Take in what a path holds; None where there is no such file."""
        self._held[path] = content

    def hold_paths(self, folder, paths):
        """Take in the paths of all files below a folder."""
        self._below[folder] = paths


def read_ahead(wanted):
    """Read files into their snapshots.

    Args:
        wanted: pairs of a Snapshot and a path.
    """
    snapshots: dict[tuple[str, str], list[Snapshot]] = {}
    for snapshot, path in wanted:
        snapshots.setdefault((snapshot.commit, path), []).append(snapshot)
    for (commit, path), content in read_all(snapshots):
        for snapshot in snapshots[commit, path]:
            snapshot.hold(path, content)


def list_ahead(wanted):
    """List folders in their snapshots, without empty files, and whatever DVC ignores.

    Args:
        wanted: pairs of a Snapshot and a folder.
    """
    wanted = list(wanted)
    commits, folders = ({pair[part] for pair in wanted} for part in (0, 1))
    words = ["--literal-pathspecs", "grep", "-z", "--name-only", "-e", ""]
    names = [snapshot.commit for snapshot in commits]
    listed = git(*words, *names, "--", *folders) if wanted else None
    if listed is None:
        return
    found: dict[str, list[str]] = {}
    for commit, _, path in (each.partition(":") for each in listed.split("\0")):
        found.setdefault(commit, []).append(path)
    for snapshot, folder in wanted:
        below = (path for path in found.get(snapshot.commit, ()) if is_below(path, folder))
        snapshot.hold_paths(folder, sorted(below))
