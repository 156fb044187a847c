"""The command `prune`: remove experiments for good, with all that belongs to them alone.

That are their refs in Git, what nothing else uses in DVC's cache, and their runs in MLflow with
artefacts, models and registered versions. Branches, tags and versions with an alias stay, and all
that these need.
"""

import argparse
import sys
from pathlib import Path

import psutil
from pydantic import BaseModel

from studykit.documents import check_shape, parse_json
from studykit.errors import UserError, uninterrupted, warn
from studykit.files import read_bytes
from studykit.prune import cache
from studykit.prune.choice import choose, read_age
from studykit.prune.plan import make_plan
from studykit.prune.references import working_trees
from studykit.records.git import git_lines
from studykit.records.revisions import all_revisions
from studykit.runs.entries import read_entries
from studykit.runs.listing import list_runs
from studykit.runs.summary import as_text, headlines_of
from studykit.study import load_study
from studykit.tracking import turns
from studykit.tracking.refusals import say_refusal

NOTHING_REMOVED = 1  # exit status where the answer is no


def add_arguments(parser):
    """Describe the command line."""
    parser.epilog = (
        "Every condition has to fit. A list is shown and a question asked first. Branches, tags, "
        "and registered versions with an alias, such as champion, are never touched."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="of experiments, with * and ?"
    )  # fmt: skip
    parser.add_argument(
        "--older-than", metavar="AGE", help="such as 12h, 30d, 2w, or a date: 2026-01-31"
    )
    parser.add_argument(
        "--all-but-best", type=whole_number, metavar="N",
        help="of those whose names fit; those without the metric stay",
    )  # fmt: skip
    parser.add_argument(
        "--by", metavar="METRIC", help="which are the best; default: the first headline"
    )
    parser.add_argument(
        "--lost", action="store_true", help="their baseline is on no branch and no tag any more"
    )
    parser.add_argument("--dry-run", action="store_true", help="show the list only")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments):
    """Choose, show, ask and remove."""
    if not (
        arguments.names
        or arguments.older_than
        or arguments.all_but_best is not None
        or arguments.lost
    ):
        raise UserError(
            "prune: expected NAME, --older-than, --all-but-best or --lost, received none; "
            "'*' is all experiments"
        )
    if not (arguments.dry_run or arguments.yes or sys.stdin.isatty()):
        raise UserError("prune: expected --yes or --dry-run where nobody can be asked")
    study = load_study()
    chosen = _chosen(arguments, study)
    if not chosen:
        print("no experiment fits")
        return 0
    removal = _connect(dry_run=arguments.dry_run)
    plan = make_plan(chosen, removal)
    print(describe(plan, study, removal))
    if arguments.dry_run or not plan.experiments:
        return 0
    if not arguments.yes and not _agreed():
        print("nothing was removed")
        return NOTHING_REMOVED
    remove(plan, removal)
    print("removed")
    return 0


def describe(plan, study, removal):
    """The list of what goes, as text."""
    headlines = headlines_of(plan.experiments, study)
    lines = [as_text(*list_runs(plan.experiments, headlines, study)), ""]
    lines += [f"{name} stays: {version}" for name, version in plan.guarded.items()]
    left = plan.leftovers
    lines.append(f"{_count(plan.experiments, 'experiment')} to remove, and with them:")
    lines.append(
        f"  in DVC's cache: {_count(left.objects, 'file')}, {left.size / 1e6:.1f} MB, and "
        f"{len(left.entries)} of the run cache"
        if not left.note
        else f"  {left.note}"
    )
    doomed = plan.doomed
    lines.append(
        f"  in MLflow: {_count(doomed.runs, 'run')} with their artefacts, "
        f"{_count(doomed.versions, 'registered version')}"
    )
    if doomed.others:
        lines.append(f"  {_count(range(doomed.others), 'run')} of other users stay")
    if doomed.runs and not removal.is_for_good:
        lines.append("  The server marks runs as deleted; its own `mlflow gc` removes them.")
    return "\n".join(lines)


def remove(plan, removal):
    """Remove all of a plan; the refs last, so that a second call goes on after an interruption.

    Args:
        plan: Plan.
        removal: Removal.

    Raises:
        UserError: DVC or `sync` is at work here, or the store cannot be reached.
    """
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo

    from studykit.tracking.store import StoreError

    try:
        with Repo() as repository, repository.lock, turns.removing():
            _check_idle(repository)
            doomed = removal.find(*plan.sought)  # again: runs may have been written since
            if doomed.guarded != plan.doomed.guarded:
                raise UserError("prune: versions have other aliases since the list; prune again")
            removal.remove(doomed)
            with uninterrupted():
                cache.remove(plan.leftovers)
                _remove_refs(plan.experiments)
            _forget_in_queue(repository, {entry.name for entry in plan.experiments})
    except StoreError as error:
        said = say_refusal(error)
        raise UserError(f"MLflow: {said}; some runs may be left, so prune again") from None
    except LockError:
        raise UserError("prune: expected no other DVC at work here, found one; wait") from None
    except DvcException as error:
        raise UserError(f"DVC: {' '.join(str(error).split())}") from None


def whole_number(text):
    """Read a number from the command line."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, received {text}")
    return int(text)


def _chosen(arguments, study):
    older_than = read_age(arguments.older_than) if arguments.older_than else None
    entries = read_entries([each for each in all_revisions() if each.baseline], study)
    return choose(
        entries,
        headlines_of(entries, study),
        names=arguments.names,
        older_than=older_than,
        best=arguments.all_but_best,
        by=arguments.by,
        lost=arguments.lost,
    )


def _connect(*, dry_run):
    from studykit.tracking.store import StoreError
    from studykit.tracking.store.removal import Removal

    try:
        return Removal.connect(dry_run=dry_run, on_news=warn)
    except StoreError as error:
        raise UserError(
            f"MLflow: {say_refusal(error)}; nothing was removed, since which versions are "
            "champions is not known"
        ) from None


def _agreed():
    return input("Remove all of this for good? [y/N] ").strip().lower() in ("y", "yes")


def _check_idle(repository):
    """Make sure that no pipeline runs in any working tree: what it makes is not locked yet."""
    if any(repository.experiments.celery_queue.iter_active()):
        raise UserError("prune: expected no experiment at work, found some; wait, or end them")
    for tree in working_trees():
        if pids := [pid for pid in _writers(Path(tree["worktree"])) if psutil.pid_exists(pid)]:
            raise UserError(f"prune: expected no pipeline at work, found process {pids[0]}; wait")


def _writers(root):
    """Process ids that DVC has noted as those of running stages.

    Raises:
        UserError: its note cannot be read, which may be as DVC is just writing it.
    """
    for file in root.glob(".dvc/tmp/rwlock"):
        try:
            noted = check_shape(_Locks, parse_json(read_bytes(file) or b"{}", file), file)
        except UserError as error:
            raise UserError(f"{error}; if no DVC is at work there, remove it") from None
        yield from (writer.pid for writer in noted.write.values())


class _Writer(BaseModel):
    pid: int


class _Locks(BaseModel):
    """What DVC's file `rwlock` holds, as far as it is read here."""

    write: dict[str, _Writer] = {}


def _remove_refs(experiments):
    """Remove all refs or none; one that has moved meanwhile stays, and so do the others."""
    git_lines(
        "update-ref",
        "--stdin",
        words=[
            f"delete refs/exps/{each.baseline[:2]}/{each.baseline[2:]}/{each.name} {each.commit}"
            for each in experiments
        ],
    )


def _forget_in_queue(repository, names):
    """Remove experiments from the list of those that DVC's queue has run."""
    from dvc.repo.experiments.queue.remove import remove_tasks

    left = {each.name for each in all_revisions() if each.baseline}
    queue = repository.experiments.celery_queue
    done = [entry for _, entry in queue._iter_processed() if entry.name in names - left]
    if done:
        remove_tasks(queue, done)


def _count(items, word):
    return f"{len(items):,} {word}{'s' * (len(items) != 1)}"
