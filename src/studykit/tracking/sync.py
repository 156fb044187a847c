"""Make MLflow's store complete: write a run for each stage in DVC that has none.

A run is missing when its stage came from DVC's cache, when the store was deleted or could not be
reached, or when the experiment was pulled from elsewhere.
"""

import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from studykit.errors import UserError
from studykit.files import md5
from studykit.records.pipeline import in_order, record_from_lock
from studykit.records.revisions import all_revisions, resolve
from studykit.tracking import provenance


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
    added, present = sync(revisions)
    print(f"{added} runs added, {present} there already, in {len(revisions)} revisions")
    return 0


def sync(revisions, *, say=tqdm.write):
    """Write the missing runs of some revisions.

    Args:
        revisions: list of Revision.
        say: called with a sentence for each run that was missing.

    Returns:
        How many runs were added, and how many were there.

    Raises:
        UserError: the store cannot be reached.
    """
    from studykit.tracking.store import Store, StoreError

    added = present = 0
    try:
        store = Store.connect()
        for revision in tqdm(revisions, unit="revision", disable=not sys.stderr.isatty()):
            with tempfile.TemporaryDirectory() as folder:
                for record in records(revision, Path(folder)):
                    if store.find(record.key):
                        present += 1
                        store.log_test_metrics(record)
                    else:
                        store.restore(record, _origin(revision))
                        added += 1
                        lacking = [path for path in record.outs if record.open(path) is None]
                        without = f", without {', '.join(lacking)}" if lacking else ""
                        say(f"added {record.stage} of {revision.label}{without}")
    except StoreError as error:
        raise UserError(
            f"MLflow: {error}; check MLFLOW_TRACKING_URI, then run this again"
        ) from None
    return added, present


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
