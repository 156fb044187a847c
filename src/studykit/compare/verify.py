"""The command `verify`: run the whole pipeline again elsewhere, and compare every byte.

The exit status is 0 where every output has the bytes that `dvc.lock` names, 3 where bytes differ
but the results agree within their uncertainty, and 1 where neither holds.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studykit.compare.agreement import compare_numbers
from studykit.compare.lock import read_lock
from studykit.compare.machines import origins_of, table_of_machines
from studykit.compare.results import read_results
from studykit.compare.settings import settings_of
from studykit.errors import UserError
from studykit.records.git import git
from studykit.records.lock import Lock
from studykit.records.origins import this_machine
from studykit.records.revisions import WORKSPACE, Revision, resolve

BYTES, NEITHER, NUMBERS = 0, 1, 3  # exit statuses; 2 is argparse's


def add_arguments(parser):
    """Describe the command line."""
    parser.epilog = (
        "Exit status: 0 the same bytes, 3 other bytes but the same results within their "
        "uncertainty, 1 neither."
    )
    parser.add_argument(
        "revision", nargs="?", default="HEAD", help="a branch, tag or commit; default: %(default)s"
    )


def run(arguments):
    """Rerun, compare and print; return the exit status."""
    committed = resolve(arguments.revision)
    if committed.commit is None or not (expected := read_lock(committed)).stages:
        raise UserError(f"{committed.name}: expected a commit with a dvc.lock to verify")
    settings = settings_of(committed)
    with rerun(committed) as again:
        outputs = list(compare_outputs(expected, read_lock(again)))
        print(f"\n{table_of_outputs(outputs)}\n")
        if all(output.same for output in outputs):
            print(f"bytes: all {len(outputs)} outputs are those of {committed.label}.")
            return BYTES
        print(f"{differing(outputs)}\n\n{table_of_machines(*machines(committed, again))}\n")
        checks = list(compare_numbers(read_results(committed), read_results(again), settings))
    print("\n".join(check.text for check in checks))
    if checks and all(check.agrees for check in checks):
        print("numbers: the bytes differ, the results agree within their uncertainty.")
        return NUMBERS
    print("neither: the results differ by more than chance explains.")
    return NEITHER


@contextmanager
def rerun(revision):
    """Run every stage of a commit in a temporary clone, with an empty cache and a store of its own.

    Args:
        revision: Revision with a commit.

    Yields:
        Revision of the clone's working tree; it is the current folder as long as the block lasts.

    Raises:
        UserError: a stage failed; its own message is above.
    """
    root, folder_in_root = (git("rev-parse", word) for word in ("--show-toplevel", "--show-prefix"))
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        clone = Path(folder) / "clone"
        git("clone", "--quiet", "--no-checkout", root, str(clone), check=True)
        git("-C", str(clone), "checkout", "--quiet", revision.commit, check=True)
        unset = ("MLFLOW_TRACKING_URI", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV")
        environment = {key: value for key, value in os.environ.items() if key not in unset}
        print(f"Running every stage of {revision.label} anew in a clone.", flush=True)
        command = [sys.executable, "-m", "dvc", "repro", "--force"]
        where = clone / folder_in_root
        if subprocess.run(command, cwd=where, env=environment, check=False).returncode:
            raise UserError(f"{revision.label}: a stage failed in the clone, see above")
        before = os.getcwd()
        os.chdir(where)
        try:
            yield Revision(WORKSPACE, None)
        finally:
            os.chdir(before)


@dataclass(frozen=True)
class Output:
    """An output of a stage: the MD5 that the lock names, and the one that the rerun has."""

    stage: str
    path: str
    expected: str | None
    received: str | None

    @property
    def same(self):
        return self.expected == self.received


def compare_outputs(expected, received):
    """Each output of two locks; a folder is one output.

    Args:
        expected, received: Lock.

    Yields:
        Output, in the order of the pipeline.
    """

    for name in Lock(expected.stages | received.stages).in_order():
        stages = (lock.stages.get(name) for lock in (expected, received))
        before, after = (stage.outs if stage else {} for stage in stages)
        for path in before | after:
            yield Output(name, path, before.get(path), after.get(path))


def table_of_outputs(outputs):
    """The table: output, expected, got, same; one line each, MD5s by their beginning."""
    width = max(len("output"), *(len(output.path) for output in outputs))
    lines = [f"{'output':{width}}  {'expected':8}  {'got':8}  same"]
    for output in outputs:
        expected, received = ((md5 or "none")[:8] for md5 in (output.expected, output.received))
        verdict = "yes" if output.same else "NO"
        lines.append(f"{output.path:{width}}  {expected:8}  {received:8}  {verdict}")
    return "\n".join(lines)


def differing(outputs):
    """Which stage is the first whose bytes differ: what follows may differ only for that."""
    other = [output for output in outputs if not output.same]
    return f"{len(other)} of {len(outputs)} outputs differ, from the stage {other[0].stage} on."


def machines(committed, again):
    """What the committed models came from, and the rerun's: properties by name."""
    origins = origins_of(committed, read_lock(committed).md5s)
    there: dict[str, Any] = next(iter(origins.values()), {})
    return (
        there | committed.params().get("libraries", {}),
        this_machine() | again.params().get("libraries", {}),
    )
