"""A repository that Git refuses, that has no commit, or that Git would rewrite the bytes of."""

import os
import pwd
import subprocess

import pytest

from tests.kit.small_pipeline import shell
from tests.kit.test_root import run_command
from tests.tiny_study import ROOT

COMMANDS = [
    "stale workspace",
    "lineage",
    "diff HEAD workspace",
    "sync",
    "verify",
    "sweep rate=0.1,0.2",
]


@pytest.fixture
def somebody_elses(small_pipeline):
    """The small pipeline, owned by another user, as a volume of a container may be."""
    if os.getuid() != 0:
        pytest.skip("needs root, to give a folder to somebody else")
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(small_pipeline, nobody, -1)
    os.chown(small_pipeline / ".git", nobody, -1)
    return small_pipeline


@pytest.mark.parametrize("command", COMMANDS)
def test_what_git_says_of_dubious_ownership_is_passed_on_with_its_remedy(somebody_elses, command):
    done = run_command(command, somebody_elses, HOME="/nowhere")
    assert done.returncode in (1, 2)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: git rev-parse: fatal: detected dubious ownership in repository")
    assert line.endswith(f"git config --global --add safe.directory {somebody_elses}")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_repository_without_a_commit_is_told_of_in_a_line_or_does(small_pipeline, command):
    shell(small_pipeline, "rm -rf .git && git init -q -b main")
    if command.startswith("sweep"):
        (small_pipeline / "studykit.yaml").write_text("name: small\nlast_stage: sum\n")
    done = run_command(command, small_pipeline, MLFLOW_TRACKING_URI="")
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error: ")]) == (
        0 if command in ("stale workspace", "lineage", "sync") else 1
    )
    assert len(done.stderr.splitlines()) <= 1


def test_a_clone_keeps_the_bytes_whatever_git_is_told_of_line_ends(tmp_path):
    clone = ["git", "clone", "-q", "-c", "core.autocrlf=true", ROOT, tmp_path / "clone"]
    subprocess.run(clone, check=True)
    listed = [
        line.split()[:2] for line in shell(tmp_path / "clone", "git ls-files --eol").splitlines()
    ]
    assert [(a, b) for a, b in listed if a.removeprefix("i/") != b.removeprefix("w/")] == []
    assert shell(tmp_path / "clone", "git status --porcelain") == ""
