"""Parsers and readers say what is wrong with an input in a line, and nothing else happens.

`make fuzz` looks for inputs of which that is not true; here are those that it found once, and a
few hundred others.
"""

import importlib.util
import subprocess
import sys

import pytest

from tests.fuzz.__main__ import CASES
from tests.fuzz.targets import ROOT, Target, all_targets, documented


@pytest.fixture(scope="module")
def targets():
    return all_targets()


@pytest.mark.parametrize(
    "case", sorted(CASES.glob("*/*")), ids=lambda path: f"{path.parent.name}-{path.name[-8:]}"
)
def test_what_was_a_fault_once_is_none(targets, case):
    documented(targets[case.parent.name], case.read_bytes())


def test_right_inputs_are_taken(targets):
    """What fuzzing begins from reaches the end of each reader."""
    for target in targets.values():
        for seed in target.seeds:
            target.run(seed)


@pytest.mark.skipif(not importlib.util.find_spec("hypothesis"), reason="needs Hypothesis")
def test_other_inputs_are_taken_or_refused_in_a_line():
    """In a process of its own, whose memory is bounded."""
    words = [sys.executable, "-m", "tests.fuzz", "--short"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize(
    ("run", "error"),
    [(lambda content: [][1], IndexError), (lambda content: float("x"), ValueError)],
)
def test_any_other_error_is_a_fault(run, error):
    with pytest.raises(error):
        documented(Target(run, [b""]), b"")
