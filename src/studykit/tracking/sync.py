"""Make MLflow's store complete: write what DVC has and MLflow lacks.

That are runs, when their stage came from DVC's cache, when the store was deleted or could not be
reached, or when the experiment was pulled from elsewhere; and what runs lack: models, versions of
registered models, aliases, parents, and outputs whose content was not to be had before.
"""

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from studykit.errors import UserError, going_on
from studykit.records.revisions import all_revisions, readable, resolve
from studykit.records.stages import records, upstream
from studykit.study import load_study
from studykit.tracking import changes, provenance, turns
from studykit.tracking.refusals import say_refusal

NOWHERE = "not in the workspace, Git, DVC's cache or a remote"


def add_arguments(parser):
    parser.add_argument(
        "revisions",
        nargs="*",
        metavar="REV",
        help="branch, tag, commit or DVC experiment; the workspace where none is given",
    )
    parser.add_argument("--all", action="store_true", help="every branch, tag and experiment")


def run(arguments):
    if arguments.all:
        revisions = all_revisions()
    else:
        revisions = [resolve(name) for name in arguments.revisions or ["workspace"]]
    refused: list[UserError] = []
    added, present, completed = sync(revisions, refuse=refused.append)
    also = f" ({completed} completed)" if completed else ""
    print(f"{added} runs added, {present} there already{also}, in {len(revisions)} revisions")
    return int(bool(refused))


def sync(revisions, *, say=tqdm.write, refuse=None):
    """Write the missing runs of some revisions, and what their other runs lack.

    Args:
        revisions: list of Revision; an experiment that was pruned meanwhile is left out.
        say: called with a line for each run that was missing, or lacked something.
        refuse: as of `going_on`.

    Returns:
        How many runs were added, how many were there, and how many of these were completed.

    Raises:
        UserError: the store cannot be reached; or, without `refuse`, a file is wrong.
    """
    from studykit.tracking.store import AdvisedError, Store, StoreError

    counts: Counter[str] = Counter()
    command = load_study(os.environ.get("DVC_ROOT", ".")).command
    try:
        store = Store.connect(on_news=say)
        with turns.adding():
            there = set(all_revisions())
            left = [each for each in revisions if not each.baseline or each in there]
            for revision in tqdm(left, unit="revision", disable=not sys.stderr.isatty()):
                with going_on(refuse):
                    counts.update(_sync_revision(store, revision, refuse, say))
    except AdvisedError as error:
        raise UserError(f"MLflow: {error}") from None
    except StoreError as error:
        advice = f"check MLFLOW_TRACKING_URI, then run `{command} sync` again"
        raise UserError(f"MLflow: {say_refusal(error)}; {advice}") from None
    return counts["added"], counts["present"] + counts["completed"], counts["completed"]


def _sync_revision(store, revision, refuse, say):
    """Add or complete the runs of a revision; yield what `_sync_stage` returns of each stage."""
    with tempfile.TemporaryDirectory() as folder:
        stages = records(revision, Path(folder))
        origin = _origin(revision, stages)
        for record in stages:
            with going_on(refuse, f"{record.stage} of {revision.label}: "):
                yield _sync_stage(store, record, stages, revision, origin, say)


def _sync_stage(store, record, stages, revision, origin, say):
    """Add or complete the run of a stage; return which: `added`, `completed` or `present`."""
    name, rests_on = f"{record.stage} of {revision.label}", upstream(record, stages)
    if not store.find(record.key):
        lacking = store.restore(record, origin, upstream=rests_on)
        without = f", without {', '.join(lacking)}: {NOWHERE}" if lacking else ""
        say(f"added {name}{without}")
        return "added"
    written, lacking = store.complete(record, params=origin.params, upstream=rests_on)
    if written:
        say(f"completed {name}: {', '.join(written)}")
    if lacking:
        say(f"{name} still lacks {', '.join(lacking)}: {NOWHERE}")
    return "completed" if written else "present"


def _origin(revision, stages):
    """Where the runs of a revision come from; a commit of a branch is its own baseline."""
    current = [record for record in stages if upstream(record, stages) is not None]
    params = changes.parameters(revision.tree, current)
    baseline = revision.baseline or (provenance.head() if revision.commit is None else "")
    return provenance.restored(
        readable(revision.name) if revision.baseline else revision.label,
        commit=revision.commit,
        time=revision.time,
        experiment=readable(revision.name) if revision.baseline else "",
        baseline=revision.baseline or "",
        params=params,
        changed=changes.changes(params, revision.tree, baseline),
        stages=[record.key for record in stages],
    )
