"""Some files of many commits, read together: one process of Git for all, not one a commit."""

from studykit.records.git import read_all
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

    def read(self, path):
        return self._held[path] if path in self._held else super().read(path)

    def hold(self, path, content):
        """Take in what a path holds; None where there is no such file."""
        self._held[path] = content


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
