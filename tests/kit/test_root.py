"""From where commands work: anywhere in a project, and nowhere else."""

import os
import subprocess
import sys

import pytest

from studykit.errors import UserError
from studykit.records.root import enter_root, find_root
from tests.kit.small_pipeline import shell, write
from tests.tiny_study import ENVIRONMENT, ROOT


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a project at its root and one in a subfolder, in a folder of its own."""
    root = tmp_path / "repository"
    for name in ("dvc.yaml", "src/deep/a.py", "other/.dvc/config", "other/src/b.py"):
        write(root / name, "")
    shell(root, "git init -q")
    monkeypatch.chdir(root)
    return root


@pytest.mark.parametrize(
    ("folder", "found"),
    [(".", "."), ("src", "."), ("src/deep", "."), ("other", "other"), ("other/src", "other")],
)
def test_the_nearest_project_is_entered_from_any_of_its_folders(
    repository, monkeypatch, folder, found
):
    monkeypatch.chdir(repository / folder)
    assert find_root() == repository / found
    enter_root()
    assert os.getcwd() == str(repository / found)


def test_the_repository_is_not_left(repository, monkeypatch):
    inner = repository / "src/deep"
    shell(inner, "git init -q")
    monkeypatch.chdir(inner)
    with pytest.raises(UserError, match=r"expected dvc.yaml or .dvc in it, or above it within"):
        find_root()


def test_a_folder_outside_a_repository_is_refused(tmp_path, monkeypatch):
    write(tmp_path / "dvc.yaml", "stages: {}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match=r"the current folder: expected a Git repository, found no"):
        enter_root()
    assert os.listdir(tmp_path) == ["dvc.yaml"]


def test_gits_own_folder_is_refused(repository, monkeypatch):
    monkeypatch.chdir(repository / ".git")
    with pytest.raises(UserError, match=r"expected a working tree of Git, found none"):
        find_root()


def test_a_link_to_a_project_leads_to_it(repository, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(repository / "src")
    monkeypatch.chdir(tmp_path / "link")
    assert find_root() == repository


def run_command(command, folder, **variables):
    """Run a command of the kit in a folder."""
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT / "src")} | variables
    return subprocess.run(
        [sys.executable, "-m", "studykit.cli", *command.split()],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["stale", "sweep --seeds 2", "lineage", "sync"])
def test_a_command_outside_a_repository_says_so_and_leaves_nothing(tmp_path, command):
    done = run_command(command, tmp_path, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert done.returncode != 0
    assert done.stderr == "error: the current folder: expected a Git repository, found none\n"
    assert os.listdir(tmp_path) == []


def test_a_command_in_a_subfolder_is_about_the_project(small_pipeline):
    write(small_pipeline / "library/nets.py", "changed")
    done = run_command("stale workspace", small_pipeline / "library/deep")
    assert done.stdout.startswith("train@dense: library changed\ntrain@cnn: library changed\n")


def test_a_file_that_a_command_is_given_is_the_one_in_the_users_folder(small_pipeline):
    write(small_pipeline / "library/trials.txt", "none=1\n")
    done = run_command("sweep --file trials.txt", small_pipeline / "library")
    assert done.stderr.startswith("error: none: expected a parameter of params.yaml, found none")
