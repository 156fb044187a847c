"""Whatever is killed at whatever moment: the next run ends well, and nothing is left behind."""

import os
import random
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from tests.kit.faulty_study import STUDYKIT, FaultyStudy
from tests.processes import processes_of, wait_until
from tests.runs import store
from tests.tiny_study import ENVIRONMENT

KILLS = int(os.environ.get("KILLS", "4"))
PRELOAD = "preload: {modules: [decimal], stages: [stages.one]}\n"
WRITES = """
import time
from studykit.files import atomic_write
for number in range(30):
    with atomic_write(f"made/{number}.txt") as beside:
        beside.write_text("first")
        time.sleep(0.1)
        beside.write_text("second")
"""
VICTIMS = {
    "dvc": "dvc repro",
    "stage": "studykit.start",
    "tracker": "studykit.warm.shared_tracker",
    "server": "studykit.warm.fork_server",
}


@pytest.mark.slow
def test_after_kills_at_any_moment_nothing_is_left(tmp_path):
    study = FaultyStudy(tmp_path / "s", STUDYKIT + PRELOAD)
    study.repro()
    wait_until(lambda: not processes_of(str(study.root)), seconds=120)
    before = found_in(study)
    chance = random.Random(0)
    for number in range(KILLS):
        print(number, flush=True)
        kill_at_any_moment(study, chance, list(VICTIMS)[number % len(VICTIMS)])
        wait_until(lambda: not processes_of(str(study.root)), seconds=120)
    study.shell("dvc repro --force")
    wait_until(lambda: not processes_of(str(study.root)), seconds=120)
    assert found_in(study) == before
    study.kit("sync")
    assert "RUNNING" not in store(study, "mini").statuses()


def kill_at_any_moment(study, chance, victim):
    """Run the pipeline, and kill one kind of its processes while it runs, if it comes to be."""
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "--force"],
        cwd=study.root,
        env=ENVIRONMENT | {"PYTHONPATH": str(study.root / "src"), "FAULT": WRITES},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as dvc:
        time.sleep(chance.uniform(0, 8))
        found = [dvc.pid] if victim == "dvc" else pids_of(study, VICTIMS[victim])
        for pid in found:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(pid).kill()
        dvc.wait(timeout=120)


def pids_of(study, text):
    here = {process.pid for process in processes_of(str(study.root))}
    return [process.pid for process in processes_of(text) if process.pid in here]


def found_in(study):
    """What lies in the study and beside it, but for what a run is there to write."""
    written = ("mlartifacts/", ".git/", ".dvc/cache/", ".dvc/tmp/", "src/")
    names = {path.relative_to(study.root).as_posix() for path in study.root.rglob("*")}
    return {name for name in names if not name.startswith(written)}


@pytest.mark.slow
def test_the_run_of_a_stage_whose_tracker_alone_was_killed_is_closed_by_sync(tmp_path):
    study = FaultyStudy(tmp_path / "s")
    study.repro()
    waits = "import time\nopen('begun', 'w').close()\ntime.sleep(8)"
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "--force"],
        cwd=study.root,
        env=ENVIRONMENT | {"PYTHONPATH": str(study.root / "src"), "FAULT": waits},
        stderr=subprocess.PIPE,
        text=True,
    ) as dvc:
        wait_until((study.root / "begun").exists)
        wait_until(lambda: "RUNNING" in store(study, "mini").statuses())
        for pid in pids_of(study, VICTIMS["tracker"]):
            psutil.Process(pid).kill()
        _, said = dvc.communicate(timeout=120)
    assert dvc.returncode == 0
    assert "warning: MLflow: the tracker has died; the stage's outputs are complete" in said
    assert "RUNNING" in store(study, "mini").statuses()
    study.kit("sync")
    assert store(study, "mini").statuses() == {"FINISHED", "KILLED"}
