"""The working tree while DVC queues trials, which it does by changing the tree and back.

A process that is killed amid that leaves a trial's values in `params.yaml`, HEAD without its
branch, and what was not committed in Git's stash alone: the next sweep would queue its trials with
the values of another. So it is noted before how all was.
"""

from contextlib import contextmanager
from pathlib import Path

import psutil

from studykit.errors import UserError, warn
from studykit.files import read_json, write_json
from studykit.processes import is_gone, process_key
from studykit.records.git import git

NOTE = Path(".dvc/tmp/queueing.json")
WRITTEN = ("params.yaml", ".dvc/tmp/repro.dat")  # by DVC, while it queues
SHAPE = dict.fromkeys(("process", "branch", "commit", "changes"), str)


@contextmanager
def noted():
    """Keep a note for a block in which DVC queues. The root is the current folder."""
    note = {
        "process": process_key(psutil.Process()),
        "branch": _branch(),
        "commit": git("rev-parse", "HEAD", check=True),
        "changes": _changes(),
    }
    write_json(NOTE, note)
    try:
        yield
    finally:
        NOTE.unlink(missing_ok=True)


def restore():
    """Put the tree back as it was, if the process that had DVC queue was killed meanwhile.

    What is there instead goes to Git's stash: somebody may have edited it.

    Raises:
        UserError: other files have been edited since, or Git cannot do it.
    """
    if not NOTE.exists():
        return
    before = read_json(NOTE, SHAPE)
    if not is_gone(before["process"]):
        return
    wanted = before["changes"] or before["commit"]
    differing = _differing(wanted)
    if differing or _branch() != before["branch"]:
        _check_edits(before, differing & _differing("HEAD"))
        _put_back(before, wanted)
        warn(
            f"a sweep was killed while DVC queued; put back as it was: "
            f"{', '.join(sorted(differing)) or before['branch']} (what was there: git stash list)"
        )
    NOTE.unlink()


def _check_edits(before, edited):
    """Make sure that nobody has gone on since; `edited` are as neither the commit nor the note."""
    folder = git("rev-parse", "--show-prefix", check=True)
    others = sorted(edited - {f"{folder}{name}" for name in WRITTEN})
    heads = {git("rev-parse", name) for name in ("HEAD", before["branch"] or "HEAD")}
    if others or heads != {before["commit"]}:
        raise UserError(
            f"{NOTE}: a sweep was killed while DVC queued, which changed params.yaml, and "
            f"{others[0] if others else 'HEAD'} was changed since; see git status and "
            f"git stash list, put all right, and remove {NOTE}"
        )


def _put_back(before, wanted):
    there = _changes()
    if before["changes"] and git("rev-parse", "refs/stash^{tree}") == git(
        "rev-parse", f"{wanted}^{{tree}}"
    ):
        git("stash", "drop", "--quiet", check=True)  # DVC's, of the same
    if there:
        git("stash", "store", "-m", "left by a sweep that was killed", there, check=True)
    if before["branch"]:
        git("symbolic-ref", "HEAD", before["branch"], check=True)
    git("reset", "--hard", "--quiet", check=True)
    if before["changes"]:
        git("stash", "apply", "--index", "--quiet", before["changes"], check=True)


def _branch():
    """The ref that HEAD is, or nothing where it is a commit."""
    return git("symbolic-ref", "--quiet", "HEAD") or ""


def _changes():
    """A commit of what is not committed, or nothing; Git's stash does not list it."""
    git("update-index", "-q", "--refresh")  # or Git fails where a file was but touched
    return git("stash", "create", check=True)


def _differing(commit):
    """Paths, from Git's root, of what the working tree has otherwise than a commit."""
    return {*git("diff", "--name-only", "-z", commit, check=True).split("\0")} - {""}
