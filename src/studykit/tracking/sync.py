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

from studykit.errors import UserError
from studykit.files import md5
from studykit.records.pipeline import in_order, record_from_lock
from studykit.records.revisions import all_revisions, resolve
from studykit.study import load_study
from studykit.tracking import provenance

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
    added, present, completed = sync(revisions)
    also = f" ({completed} completed)" if completed else ""
    print(f"{added} runs added, {present} there already{also}, in {len(revisions)} revisions")
    return 0


def sync(revisions, *, say=tqdm.write):
    """Write the missing runs of some revisions, and what their other runs lack.

    Args:
        revisions: list of Revision.
        say: called with a line for each run that was missing, or lacked something.

    Returns:
        How many runs were added, how many were there, and how many of these were completed.

    Raises:
        UserError: the store cannot be reached.
    """
    from studykit.tracking.store import Store, StoreError

    counts: Counter[str] = Counter()
    command = load_study(os.environ.get("DVC_ROOT", ".")).command
    try:
        store = Store.connect(on_news=say)
        for revision in tqdm(revisions, unit="revision", disable=not sys.stderr.isatty()):
            with tempfile.TemporaryDirectory() as folder:
                for record in records(revision, Path(folder)):
                    counts.update([_sync_stage(store, record, revision, say)])
    except StoreError as error:
        raise UserError(
            f"MLflow: {error}; check MLFLOW_TRACKING_URI, then run `{command} sync` again"
        ) from None
    return counts["added"], counts["present"] + counts["completed"], counts["completed"]


def _sync_stage(store, record, revision, say):
    """Add or complete the run of a stage; return which: `added`, `completed` or `present`."""
    name = f"{record.stage} of {revision.label}"
    if not store.find(record.key):
        lacking = store.restore(record, _origin(revision))
        without = f", without {', '.join(lacking)}: {NOWHERE}" if lacking else ""
        say(f"added {name}{without}")
        return "added"
    written, lacking = store.complete(record)
    if written:
        say(f"completed {name}: {', '.join(written)}")
    if lacking:
        say(f"{name} still lacks {', '.join(lacking)}: {NOWHERE}")
    return "completed" if written else "present"


def records(revision, folder):
    """The stages of a revision as DVC locked them, each after those that it reads from.

    Args:
        revision: Revision.
        folder: where copies of its files may lie, for as long as the records are used.

    Returns:
        list of StageRecord.
    """
    stages = revision.lock()
    md5s = {
        item["path"]: item["md5"]
        for locked in stages.values()
        for kind in ("deps", "outs")
        for item in locked.get(kind, ())
    }

    def open_file(path):
        return _local_copy(revision, path, md5s[path], folder)

    return [record_from_lock(name, stages[name], open_file) for name in in_order(stages)]


def _local_copy(revision, path, expected, folder):
    """A file with the content that DVC locked: from the workspace, Git, DVC's cache or a remote."""
    here = Path(path)
    if revision.commit is None and here.is_file() and md5(here) == expected:
        return here
    copy = folder / expected / here.name
    if copy.is_file():
        return copy
    copy.parent.mkdir(exist_ok=True)
    content = revision.read(path)
    if content is not None:
        copy.write_bytes(content)
    else:
        _fetch(revision, path, copy)
    return copy if copy.is_file() and md5(copy) == expected else None


def _fetch(revision, path, copy):
    """Copy a file from DVC's cache, or from a remote where one is configured and has it."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    try:
        DVCFileSystem(rev=revision.commit).get_file(path, str(copy))
    except (DvcException, OSError):
        copy.unlink(missing_ok=True)


def _origin(revision):
    return provenance.restored(
        revision.name if revision.baseline else revision.label,
        commit=revision.commit,
        time=revision.time,
        experiment=revision.name if revision.baseline else "",
        baseline=revision.baseline or "",
    )
