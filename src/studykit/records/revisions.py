"""What a Git revision, a DVC experiment or the workspace holds: lock, parameters, results.

Everything comes from Git or from the working tree; no remote is asked. Paths are those from the
current folder, the repository's root.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from studykit.errors import UserError
from studykit.records.git import git
from studykit.records.parameters import Parameters
from studykit.records.trees import GitTree, Tree, WorkingTree
from studykit.study import load_study

WORKSPACE = "workspace"  # DVC's word for the working tree
# Where DVC keeps an experiment: refs/exps/ with the baseline's commit in two parts, and the name.
EXPERIMENT = re.compile(r"refs/exps/([0-9a-f]{2})/([0-9a-f]{38})/(?P<name>.+)")


@dataclass(frozen=True)
class Revision:
    """A state of the project.

    Attributes:
        name: what the user calls it.
        commit: 40 hexadecimal digits, or None for the workspace.
        baseline: of an experiment, the commit that it started from.
    """

    name: str
    commit: str | None
    baseline: str | None = None

    @property
    def label(self):
        """The name, as it can be read, and the commit where the name does not say it."""
        if self.commit is None:
            return self.name
        if self.commit.startswith(self.name):
            return self.commit[:7]
        return f"{readable(self.name)} ({self.commit[:7]})"

    @property
    def time(self):
        """When it was committed, in milliseconds since 1970; None for the workspace."""
        if self.commit is None:
            return None
        return int(git("show", "--no-patch", "--format=%ct", self.commit)) * 1000

    @cached_property
    def tree(self) -> Tree:
        """Its files."""
        return WorkingTree() if self.commit is None else GitTree(self.commit, self.label)

    def read(self, path):
        """The bytes of a file that is in Git, or in the working tree; None where there is none."""
        return self.tree.read(path)

    def paths(self, folder):
        """The paths of the files under a folder that DVC does not ignore, ascending."""
        return self.tree.paths(folder)

    def params(self):
        """What `params.yaml` says; empty where there is no such file."""
        return Parameters(self.tree).file()


def resolve(name):
    """Find a revision by its name.

    Args:
        name: a branch, tag, commit or anything else that Git knows a commit by; an experiment's
            name; or `workspace`.

    Raises:
        UserError: there is no such revision, or several experiments of that name.
    """
    if name == WORKSPACE:
        return Revision(name, None)
    if commit := _commit(name):
        return Revision(name, commit)
    found = {
        match[1] + match[2]: commit for match, commit in _experiments() if match["name"] == name
    }
    if len(found) > 1:
        found = {base: commit for base, commit in found.items() if base == _commit("HEAD")} or found
    if not found:
        raise UserError(
            f"{readable(name)}: expected a branch, tag, commit, experiment or `{WORKSPACE}`, "
            f"found none of that name{_shallow_hint()}"
        )
    if len(found) > 1:
        commits = ", ".join(commit[:7] for commit in found.values())
        raise UserError(f"{name}: expected one experiment of that name, found {commits}; name one")
    ((baseline, commit),) = found.items()
    return Revision(name, commit, baseline)


def merge_base(main="main"):
    """The commit at which the current branch left another: what a pull request is compared with.

    Raises:
        UserError: there is no such branch, here or at `origin`, or no common commit.
    """
    branch = next((name for name in (main, f"origin/{main}") if _commit(name)), None)
    if branch is None:
        raise UserError(
            f"{main}: expected a branch of that name to compare with, found none; "
            f"name a revision: {load_study().command} diff BASE{_shallow_hint()}"
        )
    commit = git("merge-base", branch, "HEAD")
    if not commit:
        raise UserError(f"{branch}: expected a commit in common with HEAD{_shallow_hint()}")
    return Revision(f"merge base with {branch}", commit)


def all_revisions():
    """The workspace, every local branch and tag, and every DVC experiment."""
    return [
        Revision(WORKSPACE, None),
        *(
            Revision(re.sub("refs/(heads|tags)/", "", ref, count=1), commit)
            for ref, commit in _refs("refs/heads", "refs/tags")
        ),
        *(
            Revision(match["name"], commit, baseline=match[1] + match[2])
            for match, commit in _experiments()
        ),
    ]


def readable(name):
    """A name as it can be printed and stored: bytes of it that are no UTF-8 as `\\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _experiments():
    """Match of EXPERIMENT and commit of each."""
    for ref, commit in _refs("refs/exps"):
        if match := EXPERIMENT.fullmatch(ref):
            yield match, commit


def _refs(*prefixes):
    """Name and commit of each ref that points to a commit, itself or through an annotated tag."""
    fields = "%(objecttype)%(*objecttype) %(objectname) %(*objectname) %(refname)"
    listed = git("for-each-ref", f"--format={fields}", *prefixes) or ""
    for line in filter(None, listed.split("\n")):  # a name may hold other ends of lines, and blanks
        kind, *commits, ref = filter(None, line.split(" "))
        if kind in ("commit", "tagcommit"):
            yield ref, commits[-1]


def _commit(name):
    return git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")


def _shallow_hint():
    if git("rev-parse", "--is-shallow-repository") == "true":
        return (
            "; this clone is shallow and lacks older commits: `git fetch --unshallow` brings them"
        )
    return ""
