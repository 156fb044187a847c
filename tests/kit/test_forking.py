"""Stages that are forked: they run, end and fail as if they were processes of their own."""

import shutil
import signal
import subprocess
import time
from contextlib import suppress

import psutil
import pytest

from tests.kit.mini_study import START as SMALL
from tests.kit.mini_study import MiniStudy
from tests.kit.test_tracking import start, wait_for
from tests.processes import kill, processes_of, wait_until
from tests.runs import store

# By its name, the shell is to a stage what DVC is.
TRAIN = ["bash", "-c", "python -m studykit.start stages.train_dense; echo status $?", "dvc"]


START = "python -m studykit.start stages.{}"


def below_dvc(stages):
    return ["bash", "-c", "; ".join(map(START.format, stages)), "dvc"]


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
    study(START.format("fetch"))  # makes the store, which the tests look into
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
    assert said.count("warning: ") == 1
    assert "imports all for itself, which takes a little longer: the fork server has ended" in said
    assert study("git status --porcelain").stdout == ""


@pytest.mark.slow
def test_a_stage_whose_fork_is_killed_ends_likewise(study, training):
    _, fork = sorted(servers(study), key=lambda process: process.create_time())
    fork.kill()
    wait_for(training, "status 137")
    wait_until(lambda: training_is_logged_as_killed(study))


def test_a_stage_whose_server_is_killed_says_so_and_begins_again_without_the_fork(study, training):
    server, fork = sorted(servers(study), key=lambda process: process.create_time())
    server.kill()
    wait_for(training, "the fork server was killed; the stage begins again")
    wait_for(training, "epoch  1")
    wait_until(lambda: not fork.is_running())
    wait_until(
        lambda: {run.info.status for run in store(study).of("train_dense")} == {"KILLED", "RUNNING"}
    )
    stage_of(study).kill()
    wait_for(training, "status 137")
    wait_until(lambda: store(study).statuses() <= {"KILLED", "FINISHED"})


@pytest.mark.slow
def test_a_stage_that_is_stopped_computes_nothing_until_it_goes_on(study, training):
    _, fork = sorted(servers(study), key=lambda process: process.create_time())
    stage = stage_of(study)
    stage.send_signal(signal.SIGTSTP)
    wait_until(lambda: {stage.status(), fork.status()} == {psutil.STATUS_STOPPED})
    stage.send_signal(signal.SIGCONT)
    wait_until(lambda: psutil.STATUS_STOPPED not in {stage.status(), fork.status()})
    wait_for(training, "epoch")


WRITES = """
import os, pathlib, sys, time
parent = open(f"/proc/{os.getppid()}/cmdline").read()
print("forked" if "fork_server" in parent else "alone", flush=True)
if os.environ.get("SLOW") and not pathlib.Path("second").exists():
    pathlib.Path("second").touch()
    time.sleep(100)
pathlib.Path("written").write_text("all")
"""
PRELOAD = "name: mini\npreload: {modules: [decimal], stages: [stages.one]}\n"
WARNING = "warning: this stage imports all for itself, which takes a little longer: "


@pytest.fixture
def mini(tmp_path):
    """A study whose stage says what it was forked from, if it was, and writes a file."""
    return MiniStudy(tmp_path / "study", WRITES, PRELOAD)


def test_a_stage_is_forked_from_a_server_that_serves_the_next_one_too(mini):
    done = mini(f"{SMALL} && {SMALL}")
    assert done.said == "forked\n" * 2
    assert done.warned == ""


def assert_runs_after_a_warning(study, reason, command=SMALL, **environment):
    """A stage runs in its own process, says so in one line, and ends well."""
    done = study(command, **environment)
    assert done.returncode == 0
    assert done.said == "alone\n"
    (line,) = done.warned.splitlines()
    assert line.startswith(WARNING)
    assert reason in line
    assert (study.root / "written").read_text() == "all"


def test_a_folder_of_sockets_that_is_somebody_elses_costs_a_warning(mini):
    mini.sockets.mkdir(mode=0o755)
    assert_runs_after_a_warning(mini, "is not a folder that is yours alone")


def test_a_place_where_no_socket_can_be_made_costs_a_warning(mini):
    mini.edit("src/studykit/warm/companions.py", str(mini.sockets), "/proc/no place")
    assert_runs_after_a_warning(mini, "/proc/no place")


def test_a_server_that_cannot_import_costs_a_warning(mini):
    mini.write("studykit.yaml", PRELOAD.replace("decimal", "nowhere"))
    assert_runs_after_a_warning(mini, "the fork server has ended")


def test_a_server_that_never_gets_ready_costs_its_patience_and_is_left(mini):
    mini.edit("src/studykit/warm/forking.py", "PATIENCE = 30", "PATIENCE = 5")
    mini.write("slow.py", "import time; time.sleep(20)")
    mini.write("studykit.yaml", PRELOAD.replace("decimal", "slow"))
    assert_runs_after_a_warning(mini, "has not been ready within 5 seconds")
    mini.write("studykit.yaml", PRELOAD)
    assert mini().said == "forked\n"


def test_a_server_that_cannot_fork_costs_a_warning(mini):
    mini.edit("src/studykit/warm/fork_server.py", "fork.start()", "raise BlockingIOError")
    assert_runs_after_a_warning(mini, "the fork server has not forked")


@pytest.mark.slow
def test_a_server_that_does_not_fork_in_time_costs_its_patience_and_runs_nothing(mini):
    mini.edit("src/studykit/warm/forking.py", "PATIENCE = 30", "PATIENCE = 5")
    mini.edit("src/studykit/warm/fork_server.py", "fork.start()", "time.sleep(8); fork.start()")
    mini.edit("src/studykit/warm/fork_server.py", "import sys\n", "import sys\nimport time\n")
    again = "rm written; sleep 8; cat written"
    done = mini(f"{SMALL}; {again}")
    assert done.returncode == 1  # the server has not run the stage later
    assert "the fork server has not forked: timed out" in done.warned


def test_a_stage_whose_server_dies_runs_again_to_its_end(mini):
    with mini.start(SMALL, SLOW="1") as process:
        assert process.stdout.readline() == "forked\n"
        wait_until((mini.root / "second").exists)
        server, fork = sorted(servers(mini), key=lambda process: process.create_time())
        server.kill()
        said, warned = process.communicate(timeout=20)
    assert process.returncode == 0
    assert said == "alone\n"
    assert warned == f"{WARNING}the fork server was killed; the stage begins again\n"
    wait_until(lambda: not fork.is_running())
    assert (mini.root / "written").read_text() == "all"


def test_a_stage_that_runs_ahead_starts_the_server_and_does_not_wait(mini):
    mini.write("slow.py", "import time; time.sleep(5)")
    preload = PRELOAD.replace("decimal", "slow").replace(
        "stages: [", "ahead: [stages.two], stages: ["
    )
    mini.write("studykit.yaml", preload)
    mini.write("stages/two.py", WRITES)
    done = mini(f"{SMALL.replace('one', 'two')} && {SMALL}")
    assert done.said == "alone\nforked\n"
    assert done.warned == ""


def test_the_server_that_an_experiment_starts_early_is_that_of_its_stages(mini):
    mini.write("counted.py", "open('imported', 'a').write('once ')")
    mini.write("studykit.yaml", PRELOAD.replace("decimal", "counted"))
    mini.write("dvc.yaml", "")
    early = "git init --quiet; mkdir sub; cd sub; python -m studykit.warm.early; cd .."
    wait = "until test -e imported; do sleep 0.1; done"
    done = mini(f"{early}; {wait}; DVC_ROOT=$PWD {SMALL}")
    assert (done.said, done.warned) == ("forked\n", "")
    assert (mini.root / "imported").read_text() == "once "


def test_an_experiment_of_a_study_without_anything_large_starts_no_server(mini):
    mini.write("studykit.yaml", "name: mini\n")
    mini.write("dvc.yaml", "")
    mini("git init --quiet; python -m studykit.warm.early")
    assert not mini.sockets.exists()


def test_what_is_imported_later_delays_neither_the_stage_nor_a_signal(mini):
    mini.write("slow.py", "import time; time.sleep(10)")
    mini.write("studykit.yaml", PRELOAD.replace("modules:", "later: [slow], modules:"))
    with mini.start(SMALL, SLOW="1") as process:
        assert process.stdout.readline() == "forked\n"
        began = time.monotonic()
        for child in psutil.Process(process.pid).children(recursive=True):
            if "studykit.start" in " ".join(child.cmdline()):
                child.terminate()
        process.communicate(timeout=30)
        assert time.monotonic() - began < 6
    assert mini().said == "forked\n"  # after the import, by the same server or another


def test_a_stage_that_needs_nothing_large_starts_no_server(mini):
    mini.write("stages/two.py", WRITES)
    assert mini(SMALL.replace("one", "two")).said == "alone\n"


def test_a_fork_takes_the_code_and_the_folder_of_its_stage(tmp_path):
    code = "import os, own\nprint(own.NAME, os.getcwd())"
    preload = PRELOAD.replace("decimal", "own")
    first, second = (MiniStudy(tmp_path / name, code, preload) for name in ("first", "second"))
    for study in (first, second):
        study.write("src/own.py", f"NAME = {study.root.name!r}")
    second.edit("src/studykit/warm/companions.py", str(second.sockets), str(first.sockets))
    (second.root / "src/studykit").rename(second.root / "unused")
    shutil.copytree(first.root / "src/studykit", second.root / "src/studykit")
    done = first(f"{SMALL} && cd ../second && {SMALL}")
    assert done.said == f"first {first.root}\nsecond {second.root}\n"
    assert done.warned == ""
