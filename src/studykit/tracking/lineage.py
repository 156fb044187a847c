"""Which MLflow runs a DVC revision has, and which DVC revisions an MLflow run is."""

import json
import re
import tempfile
from pathlib import Path

from studykit.errors import UserError, going_on
from studykit.records.revisions import all_revisions, resolve
from studykit.records.stages import records
from studykit.tracking.refusals import say_refusal

RUN_ID = re.compile("[0-9a-f]{32}")


def add_arguments(parser):
    parser.add_argument(
        "name",
        nargs="?",
        default="workspace",
        metavar="REV|RUN",
        help="branch, tag, commit, DVC experiment or workspace; or the id of an MLflow run",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(arguments):
    from studykit.tracking.store import Store, StoreError

    refused: list[UserError] = []
    try:
        store = Store.connect(read_only=True)
        if RUN_ID.fullmatch(arguments.name):
            rows = of_run(store, arguments.name, refuse=refused.append)
        else:
            rows = of_revision(store, arguments.name)
    except StoreError as error:
        raise UserError(f"MLflow: {say_refusal(error)}") from None
    if arguments.json:
        print(json.dumps(rows, indent=2, allow_nan=False))
    else:
        print_table(rows)
    return int(bool(refused))


def of_revision(store, name):
    """List the stages of a revision, each with the runs that are that stage's.

    Args:
        store: Store.
        name: of the revision.

    Returns:
        list of dict: stage, the MD5 of each of its outputs, ids of runs, newest first.
    """
    with tempfile.TemporaryDirectory() as folder:
        return [
            {"stage": record.stage, "outs": record.outs, "runs": store.find(record.key)}
            for record in records(resolve(name), Path(folder))
        ]


def of_run(store, run, *, refuse=None):
    """List the revisions and experiments that a run belongs to.

    Args:
        store: Store.
        run: id of a stage's run, or of a pipeline's.
        refuse: as of `going_on`, for a revision that cannot be read.

    Returns:
        list of dict: stage, and the names of revisions whose stage is the same to DVC.
    """
    stages = store.stages_of(run)
    revisions: dict[str, list[str]] = {stage: [] for stage in stages}
    with tempfile.TemporaryDirectory() as folder:
        for revision in all_revisions():
            with going_on(refuse):
                for record in records(revision, Path(folder)):
                    if stages.get(record.stage) == record.key:
                        revisions[record.stage].append(revision.label)
    return [{"stage": stage, "revisions": names} for stage, names in revisions.items()]


def print_table(rows):
    """Print a line per stage, then what belongs to it; `none` where there is nothing."""
    for row in rows:
        found = row["runs"] if "runs" in row else row["revisions"]
        print(f"{row['stage']:<12}  {', '.join(found) or 'none'}")
        for path, md5 in row.get("outs", {}).items():
            print(f"{'':<12}    {md5}  {path}")
