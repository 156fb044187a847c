"""What goes with some experiments, and which of them have to stay."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from studykit.errors import UserError, warn
from studykit.prune.cache import Leftovers, find_leftovers
from studykit.prune.references import references, roots_without, working_trees
from studykit.records.git import git
from studykit.records.lock import FILE as LOCK
from studykit.records.parameters import DEFAULT_FILE
from studykit.records.pipeline import FILE
from studykit.records.snapshots import Snapshot, read_ahead
from studykit.records.stages import stage_keys
from studykit.records.trees import WorkingTree


@dataclass(frozen=True)
class Plan:
    """What is to be removed.

    Attributes:
        experiments: list of Entry.
        doomed: Doomed, of MLflow's store.
        sought: what it was found by, as `Removal.find` takes it.
        leftovers: Leftovers, of DVC's cache.
        guarded: why an experiment stays, by its name.
    """

    experiments: list
    doomed: object
    sought: tuple
    leftovers: Leftovers
    guarded: dict[str, str] = field(default_factory=dict)


def make_plan(chosen, removal):
    """Say what only the chosen experiments use.

    An experiment stays whose run has a registered version with an alias, such as a champion, unless
    something else that stays has the same run. A commit that cannot be read has no runs.

    Args:
        chosen: list of Entry.
        removal: Removal.

    Returns:
        Plan.

    Raises:
        UserError: `dvc.yaml` or `dvc.lock` of a working tree is wrong, so what it needs is unknown.
    """
    keys = dict(zip(range(len(chosen)), _keys([entry.commit for entry in chosen]), strict=True))
    guarded: dict[str, str] = {}
    while True:
        left = [chosen[number] for number in keys]
        pairs = {(entry.name, entry.baseline) for entry in left}
        roots = roots_without(pairs)
        kept = references(roots)
        kept_keys = set().union(*_keys(kept.commits), *_keys_of_working_trees())
        sought = set().union(*keys.values()), pairs, kept_keys
        doomed = removal.find(*sought)
        stay = _newest_of_each(keys, chosen, doomed.guarded)
        if not stay:
            used = references([entry.commit for entry in left], without=roots)
            return Plan(left, doomed, sought, find_leftovers(used, kept), guarded)
        for number, version in stay.items():
            guarded[chosen[number].name] = version
            del keys[number]


def _newest_of_each(keys, chosen, guarded):
    """The newest experiment that has each guarded key, by number, and what guards it."""
    stay = {}
    for key, version in guarded.items():
        if having := [number for number, of_entry in keys.items() if key in of_entry]:
            stay[max(having, key=lambda number: chosen[number].time)] = version
    return stay


def _keys(commits):
    """The keys of the stages of each commit; none of one that cannot be read."""
    trees = [Snapshot(commit, commit[:7]) for commit in commits]
    read_ahead((tree, path) for tree in trees for path in (FILE, LOCK, DEFAULT_FILE))
    return [_keys_of(tree) for tree in trees]


def _keys_of(tree):
    try:
        return stage_keys(tree)
    except UserError as error:
        warn(error)
        return set()


def _keys_of_working_trees():
    inside = git("rev-parse", "--show-prefix") or ""
    roots = [os.path.relpath(Path(tree["worktree"], inside)) for tree in working_trees()]
    return [stage_keys(WorkingTree(root)) for root in roots]
