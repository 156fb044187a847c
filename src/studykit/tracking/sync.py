"""Make MLflow's store complete: write a run for each stage in DVC that has none.

A run is missing when its stage came from DVC's cache, when the store was deleted or could not be
reached, or when the experiment was pulled from elsewhere.
"""

import sys
import tempfile
from pathlib import Path

from tqdm import tqdm

from studykit.errors import UserError
from studykit.records.revisions import all_revisions, resolve
from studykit.records.stages import records
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


def _origin(revision):
    return provenance.restored(
        revision.name if revision.baseline else revision.label,
        commit=revision.commit,
        time=revision.time,
        experiment=revision.name if revision.baseline else "",
        baseline=revision.baseline or "",
    )
