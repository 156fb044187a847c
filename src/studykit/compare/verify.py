"""`mnist-study verify`: run the whole pipeline again elsewhere, and compare every byte.

The exit status is 0 where every output has the bytes that `dvc.lock` names, 3 where bytes differ
but the results agree within their uncertainty, and 1 where neither holds.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mnist_study.scores.uncertainty import paired_difference
from studykit.compare.results import read_results
from studykit.errors import UserError
from studykit.records.origins import ORIGINS, this_machine
from studykit.records.pipeline import in_order
from studykit.records.revisions import WORKSPACE, Revision, resolve

BYTES, NEITHER, NUMBERS = 0, 1, 3  # exit status; 2 is argparse's


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
    if committed.commit is None or not committed.lock():
        raise UserError(f"{committed.name}: expected a commit with a dvc.lock to verify")
    with rerun(committed) as again:
        outputs = list(compare_outputs(committed.lock(), again.lock()))
        print(f"\n{table_of_outputs(outputs)}\n")
        if all(output.same for output in outputs):
            print(f"bytes: all {len(outputs)} outputs are those of {committed.label}.")
            return BYTES
        print(f"{differing(outputs)}\n\n{table_of_machines(*machines(committed, again))}\n")
        checks = list(compare_numbers(read_results(committed), read_results(again)))
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
    with tempfile.TemporaryDirectory(prefix="verify-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", ".", clone], check=True)
        subprocess.run(["git", "checkout", "--quiet", revision.commit], cwd=clone, check=True)
        unset = ("MLFLOW_TRACKING_URI", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV")
        environment = {key: value for key, value in os.environ.items() if key not in unset}
        print(f"Running every stage of {revision.label} anew in a clone.", flush=True)
        command = [sys.executable, "-m", "dvc", "repro", "--force"]
        if subprocess.run(command, cwd=clone, env=environment, check=False).returncode:
            raise UserError(f"{revision.label}: a stage failed in the clone, see above")
        before = os.getcwd()
        os.chdir(clone)
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
    """Each output of two `dvc.lock`s.

    Args:
        expected, received: stage to its entry.

    Yields:
        Output, in the order of the pipeline.
    """

    def md5s(lock, stage):
        return {out["path"]: out["md5"] for out in lock.get(stage, {}).get("outs", ())}

    for stage in in_order(expected | received):
        before, after = md5s(expected, stage), md5s(received, stage)
        for path in before | after:
            yield Output(stage, path, before.get(path), after.get(path))


def table_of_outputs(outputs):
    """The table: output, expected, got, same; one line each, MD5s by their first eight digits."""
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
    locked = {out["path"]: out["md5"] for s in committed.lock().values() for out in s["outs"]}
    noted = json.loads(committed.read(ORIGINS.as_posix()) or "{}")
    origins = [origin for path, origin in noted.items() if origin.get("md5") == locked.get(path)]
    there = {key: value for key, value in (origins[0] if origins else {}).items() if key != "md5"}
    return (
        there | committed.params().get("libraries", {}),
        this_machine() | again.params().get("libraries", {}),
    )


def table_of_machines(there, here):
    """Processor and versions side by side, and what a difference between them means."""
    names = list(there | here)
    rows = [(name, _brief(there.get(name)), _brief(here.get(name))) for name in names]
    rows = [("", "committed", "here"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join(f"{cell:{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    unlike = [name for name in names if there.get(name) != here.get(name)]
    if not there or "processor" not in there:
        lines.append("Which processor the committed models came from was not noted.")
    elif unlike:
        lines.append(f"Other {', '.join(unlike)}: there, floating-point sums may differ.")
    else:
        lines.append("The same in all that is known: something undeclared changes the bytes.")
    return "\n".join(lines)


def _brief(value):
    if isinstance(value, dict):
        return " ".join(f"{key} {size}" for key, size in value.items())
    return "unknown" if value is None else str(value)


@dataclass(frozen=True)
class Check:
    """A number of the rerun, judged against the committed one."""

    agrees: bool
    text: str


def compare_numbers(before, after):
    """Judge each net's test accuracy by the committed interval, and its predictions by a test.

    McNemar's test looks at the same images, so it sees smaller differences than the interval. The
    significance is that of `mnist-study diff`, shared among the nets after Bonferroni.

    Args:
        before, after: Results.

    Yields:
        Check, one for each net.
    """
    confidence = before.params["evaluate.confidence"]
    significance = before.params["diff.significance"] / len(before.predictions)
    for net, table in before.predictions.items():
        first, second = (_correct(results.predictions[net]) for results in (before, after))
        low = before.metrics[f"evaluate.{net}.test.accuracy_low"]
        high = before.metrics[f"evaluate.{net}.test.accuracy_high"]
        test = paired_difference(first, second, confidence=confidence)
        agrees = low <= second.mean() <= high and test.p_value >= significance
        changed = int(np.sum(table["prediction"] != after.predictions[net]["prediction"]))
        yield Check(
            agrees,
            f"{net}: test accuracy {first.mean():.4f} [{low:.4f}, {high:.4f}], here "
            f"{second.mean():.4f}; {changed} predictions changed, McNemar's p = "
            f"{test.p_value:.2g}: {'agrees' if agrees else 'DIFFERS'}",
        )


def _correct(table):
    return (table["label"] == table["prediction"]).to_numpy()
