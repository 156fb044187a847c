"""DVC changes the working tree while it queues; a sweep that is killed then leaves it changed."""

import subprocess
import sys

import pytest

from studykit.errors import UserError
from studykit.trials import working_tree
from tests.kit.small_pipeline import shell, write
from tests.tiny_study import ENVIRONMENT

KILLED = """
import os, signal, sys
from dvc.repo import Repo
from dvc.repo.experiments.queue.base import BaseStashQueue
from scmrepo.git import Git
from studykit.trials import dvc_queue
from studykit.trials.trials import Trial

def kill(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(Git if sys.argv[1] == "detach_head" else BaseStashQueue, sys.argv[1], kill)
dvc_queue._put(Repo().experiments.celery_queue, [Trial("a", {"rate": 0.5})], None)
"""


def kill_at(place):
    """Queue a trial; where DVC would call the method of that name, the process is killed."""
    command = [sys.executable, "-c", KILLED, place]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr


def state(folder):
    """What a user sees of a working tree."""
    return (
        shell(folder, "git symbolic-ref -q HEAD || git rev-parse HEAD"),
        shell(folder, "git status --porcelain"),
        shell(folder, "git diff HEAD"),
    )


@pytest.mark.parametrize(
    "place", ["detach_head", "_update_params", "_stash_commit_deps", "_stash_msg"]
)
@pytest.mark.parametrize("is_edited", [False, True])
def test_the_tree_is_put_back_wherever_the_sweep_was_killed(
    small_pipeline, capsys, place, is_edited
):
    if is_edited:
        write(small_pipeline / "source.txt", "mine\n")
        write(small_pipeline / "settings.toml", "[deep]\nvalue = 2\n")
        shell(small_pipeline, "git add settings.toml")
    before = state(small_pipeline)
    kill_at(place)
    is_changed = state(small_pipeline) != before
    assert is_changed == (place != "detach_head" or is_edited)
    working_tree.restore()
    assert state(small_pipeline) == before
    assert ("put back as it was" in capsys.readouterr().err) == is_changed
    stashed = shell(small_pipeline, "git stash list").splitlines()
    assert all(line.endswith("left by a sweep that was killed") for line in stashed)
    working_tree.restore()
    assert state(small_pipeline) == before
    assert not capsys.readouterr().err


def test_what_was_written_to_the_parameters_since_is_in_gits_stash(small_pipeline):
    kill_at("_stash_msg")
    write(small_pipeline / "params.yaml", "rate: 0.7\n")
    working_tree.restore()
    assert state(small_pipeline)[1:] == ("", "")
    assert shell(small_pipeline, "git show stash@{0}:params.yaml") == "rate: 0.7\n"


@pytest.mark.parametrize("since", ["echo mine > source.txt", "git commit -qam mine"])
def test_a_tree_that_somebody_went_on_with_is_left_and_told_of_in_a_line(small_pipeline, since):
    kill_at("_stash_msg")
    shell(small_pipeline, since)
    before = state(small_pipeline)
    for _ in range(2):
        with pytest.raises(UserError) as refused:
            working_tree.restore()
        assert str(refused.value).startswith(".dvc/tmp/queueing.json: a sweep was killed while")
    assert state(small_pipeline) == before
    assert not shell(small_pipeline, "git stash list")


def test_the_note_of_a_sweep_that_lives_is_left_to_it(small_pipeline):
    with working_tree.noted():
        write(small_pipeline / "params.yaml", "rate: 0.7\n")
        working_tree.restore()
        assert (small_pipeline / "params.yaml").read_text() == "rate: 0.7\n"
        assert working_tree.NOTE.exists()
    assert not working_tree.NOTE.exists()
