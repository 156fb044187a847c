"""What Git's history and working trees refer to in DVC's cache, and which commits say so.

All versions of every `dvc.lock` and `.dvc` file count that a commit holds, not only the newest.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from studykit.records.git import git, git_lines, read_objects
from studykit.records.lock import FILE as LOCK
from studykit.records.revisions import EXPERIMENT

MD5 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?:\.dir)?(?![0-9a-f])")
FILES = (f":(top)*{LOCK}", ":(top)*.dvc")
STASHES = ("refs/stash", "refs/exps/stash", "refs/exps/celery/stash", "refs/exps/celery/failed")
NONE = "0" * 40


@dataclass(frozen=True)
class References:
    """What some commits refer to.

    Attributes:
        md5s: of objects in DVC's cache.
        commits: one for each version of the project's `dvc.lock`.
    """

    md5s: set[str]
    commits: list[str]


def roots_without(experiments):
    """Every commit that Git keeps without some experiments: of refs, stashes and working trees.

    Args:
        experiments: pairs of name and baseline.
    """
    roots = []
    for line in (git("for-each-ref", "--format=%(objectname) %(refname)") or "").splitlines():
        commit, _, ref = line.partition(" ")
        found = EXPERIMENT.fullmatch(ref)
        if found is None or (found["name"], found[1] + found[2]) not in experiments:
            roots.append(commit)
    for stash in STASHES:  # all but the newest are in the ref's log alone
        roots += (git("reflog", "show", "--format=%H", stash) or "").split()
    roots += [tree["HEAD"] for tree in working_trees() if "HEAD" in tree]
    return [root for root in dict.fromkeys(roots) if root != NONE]


def references(roots, *, without=()):
    """What the history of commits refers to.

    Args:
        roots: commits, or tags.
        without: commits whose history is left out.
    """
    if not roots:
        return References(set(), [])
    log = ["log", "--format=%H", "--raw", "--no-abbrev", "--no-renames", "-m", "--root"]
    words = [*roots, *(f"^{commit}" for commit in without)]
    # A tag may be of something else than a commit.
    log += ["--full-history", "--ignore-missing", "--stdin", "--", *FILES]
    own = (git("rev-parse", "--show-prefix") or "") + LOCK
    blobs, locks, commit = set(), {}, ""
    for line in git_lines(*log, words=words):
        if not line.startswith(":"):
            commit = line or commit
            continue
        facts, _, path = line.partition("\t")
        *_, before, after, _ = facts.split()
        blobs |= {before, after}
        if path == own:
            locks[after] = commit
    contents = filter(None, read_objects(sorted(blobs - {NONE})))
    commits = [commit for blob, commit in locks.items() if blob != NONE]
    return References({md5 for content in contents for md5 in md5s_in(content)}, commits)


def md5s_in(content):
    """Every MD5 in the bytes of a file; a folder's ends in `.dir`."""
    return {found.decode() for found in MD5.findall(content)}


def md5s_of_working_trees():
    """What the working trees of this repository refer to, committed or not."""
    found: set[str] = set()
    for tree in working_trees():
        root = Path(tree["worktree"])
        listed = git("-C", root, "ls-files", "-z", "--cached", "--others", "--", *FILES) or ""
        for path in filter(None, listed.split("\0")):
            if (root / path).is_file():
                found |= md5s_in((root / path).read_bytes())
    return found


def linked_from_working_trees(cache):
    """Paths in the cache that symbolic links in working trees lead to, whatever is locked there."""
    found = set()
    for tree in working_trees():
        for folder, folders, names in os.walk(tree["worktree"]):
            folders[:] = [name for name in folders if name not in (".git", ".dvc", ".venv")]
            for name in (*names, *folders):
                path = Path(folder, name)
                if path.is_symlink() and path.resolve().is_relative_to(cache):
                    found.add(path.resolve())
    return found


def working_trees():
    """The working trees of this repository, each by what Git says of it: `worktree`, `HEAD`, …"""
    listed = git("worktree", "list", "--porcelain") or ""
    trees = []
    for block in filter(None, listed.split("\n\n")):
        facts = (line.partition(" ") for line in block.splitlines())
        trees.append({key: value for key, _, value in facts})
    return [tree for tree in trees if "bare" not in tree and os.path.isdir(tree["worktree"])]
