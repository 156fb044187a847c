"""Stages that are forked: they run, end and fail as if they were processes of their own."""

import signal
import subprocess
import time
from contextlib import suppress

import psutil
import pytest

from tests.kit.test_tracking import start, wait_for
from tests.processes import kill, processes_of, wait_until
from tests.runs import store

# By its name, the shell is to a stage what DVC is.
TRAIN = ["bash", "-c", "python -m stages.train_dense; echo status $?", "dvc"]


def below_dvc(stages):
    return ["bash", "-c", "; ".join(f"python -m stages.{stage}" for stage in stages), "dvc"]


def servers(study):
    """The processes that a study's stages are forked from, or were forked as."""
    here = processes_of(str(study.root))
    return [process for process in processes_of("studykit.warm.fork_server") if process in here]


def stage_of(study):
    """The process that DVC started for training."""
    here = processes_of(str(study.root))
    named = processes_of("stages.train_dense")
    (process,) = [each for each in named if each in here and "bash" not in each.name()]
    return process


def training_is_logged_as_killed(study):
    return [run.info.status for run in store(study).of("train_dense")] == ["KILLED"]


@pytest.fixture
def training(study):
    """A long training whose fork has begun, its server, and what it printed and prints."""
    study("python -m stages.fetch")  # makes the store, which the tests look into
    study.set_params(train_dense__epochs=5000)
    with start(study, TRAIN, stderr=subprocess.STDOUT) as process:
        wait_for(process, "epoch  3")
        yield process
        process.kill()
        kill(servers(study))


@pytest.mark.slow
def test_all_stages_are_forked_from_one_server_which_ends_with_their_pipeline(study):
    study.commit("results")
    stages = ["preprocess", "train_dense", "train_cnn", "evaluate", "replicate", "report"]
    parents = {}
    with start(study, below_dvc(stages), stderr=subprocess.STDOUT) as process:
        while process.poll() is None:
            for each in servers(study):
                with suppress(psutil.NoSuchProcess):
                    parents[each.pid] = each.ppid()
            time.sleep(0.1)
        assert "error" not in process.stdout.read()
    forks = {fork for fork, parent in parents.items() if parent in parents}
    (server,) = parents.keys() - forks
    assert len(forks) >= 3  # those that take seconds: a shorter one may not have been seen
    wait_until(lambda: not psutil.pid_exists(server))
    assert study("git status --porcelain").stdout == ""
    assert store(study).statuses() == {"FINISHED"}


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGINT, 130),
        (signal.SIGKILL, 137),
        pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_the_fork_and_its_run(study, training, number, status):
    server, fork = sorted(servers(study), key=lambda process: process.create_time())
    stage_of(study).send_signal(number)
    wait_for(training, f"status {status}")
    wait_until(lambda: not fork.is_running())
    wait_until(lambda: training_is_logged_as_killed(study))
    wait_until(lambda: not server.is_running())


def test_a_mistake_in_a_parameter_is_told_before_a_server_is_started(study):
    study.set_params(train_dense__epochs=0)
    with start(study, TRAIN, stderr=subprocess.STDOUT) as process:
        said = process.stdout.read()
    assert said.startswith("error: params.yaml: train_dense.epochs: ")
    assert said.endswith("status 1\n")
    assert not servers(study)


def test_a_fault_of_the_program_is_told_as_by_a_process_of_its_own(study):
    stage = study.root / "stages/train_dense.py"
    begins = "def main():\n"
    faulty = f"{begins}    print('said before')\n    raise RuntimeError('a fault')\n"
    stage.write_text(stage.read_text().replace(begins, faulty))
    with start(study, TRAIN, stderr=subprocess.STDOUT) as process:
        said = process.stdout.read()
    assert "said before\n" in said
    assert "Traceback" in said
    assert "RuntimeError: a fault\n" in said
    assert said.endswith("status 1\n")


@pytest.mark.slow
def test_a_stage_whose_server_does_not_start_runs_in_its_own_process(study, tmp_path):
    broken = "import os, sys\nif 'studykit.warm.fork_server' in sys.orig_argv: os._exit(1)"
    (tmp_path / "sitecustomize.py").write_text(broken)
    study.commit("results")
    study("rm models/dense.keras")
    said = study("dvc repro train_dense", PYTHONPATH=str(tmp_path)).stderr
    assert "warning: the fork server has ended: this stage imports all for itself" in said
    assert study("git status --porcelain").stdout == ""


@pytest.mark.slow
def test_a_stage_whose_fork_is_killed_ends_likewise(study, training):
    _, fork = sorted(servers(study), key=lambda process: process.create_time())
    fork.kill()
    wait_for(training, "status 137")
    wait_until(lambda: training_is_logged_as_killed(study))


def test_a_stage_whose_server_is_killed_says_so_and_leaves_no_fork(study, training):
    server, fork = sorted(servers(study), key=lambda process: process.create_time())
    server.kill()
    rest = training.stdout.read()
    assert "error: the fork server, which runs this stage, has been killed" in rest
    assert "status 1" in rest
    wait_until(lambda: not fork.is_running())
    wait_until(lambda: training_is_logged_as_killed(study))


@pytest.mark.slow
def test_a_stage_that_is_stopped_computes_nothing_until_it_goes_on(study, training):
    _, fork = sorted(servers(study), key=lambda process: process.create_time())
    stage = stage_of(study)
    stage.send_signal(signal.SIGTSTP)
    wait_until(lambda: {stage.status(), fork.status()} == {psutil.STATUS_STOPPED})
    stage.send_signal(signal.SIGCONT)
    wait_until(lambda: psutil.STATUS_STOPPED not in {stage.status(), fork.status()})
    wait_for(training, "epoch")
