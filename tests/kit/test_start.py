"""How a stage starts: with the code beside it, checked parameters, and as long as its DVC lives."""

import re
import signal
import subprocess
import sys

import psutil
import pytest

from tests.kit.mini_study import MiniStudy
from tests.processes import processes_of, wait_until
from tests.runs import store
from tests.tiny_study import ROOT

SLEEPS = """
import pathlib, time
print("begun", flush=True)
time.sleep(3)
pathlib.Path("written").touch()
"""
FORKED = "name: mini\npreload: {modules: [decimal], stages: [stages.one]}\n"


def test_a_stage_uses_the_code_beside_it_and_not_what_is_installed(tmp_path):
    study = MiniStudy(tmp_path / "study", "import studykit.files\nprint(studykit.files.__file__)")
    assert study.by_hand("studykit.start", "stages.one").stdout.startswith(str(study.root / "src"))
    assert study().said.startswith(str(study.root / "src"))


def test_a_stage_is_run_as_python_runs_a_module(tmp_path):
    code = (
        "import sys, stages.two\n"
        "print(__name__, sys.argv, sys.argv[0] == __file__, __spec__.name)\n"
        "print(*sys.path, sep=chr(10))"
    )
    study = MiniStudy(tmp_path / "study", code)
    study.write("stages/two.py", "")
    done = study.by_hand("studykit.start", "stages.one", "a", "-b", PYTHONSAFEPATH="1")
    first, *path = done.stdout.splitlines()
    file = str(study.root / "stages/one.py")
    assert first == f"__main__ {[file, 'a', '-b']} True stages.one"
    assert str(study.root) in path
    assert str(study.root / "stages") not in path


def test_the_collector_is_off_while_a_stage_imports_and_on_while_it_runs(tmp_path):
    code = (
        "import gc\nfrom studykit.errors import command\nprint(gc.isenabled())\n"
        "command(lambda: print(gc.isenabled()))"
    )
    study = MiniStudy(tmp_path / "study", code, FORKED)
    assert study().said == "False\nTrue\n"
    assert study(STUDYKIT_NO_FORK="1").said == "False\nTrue\n"


def test_only_one_module_of_the_kit_switches_the_collector():
    switch = re.compile(r"^\s*(import gc|from gc)|\bgc\.", re.MULTILINE)
    files = [file for file in (ROOT / "src").rglob("*.py") if switch.search(file.read_text())]
    assert files == [ROOT / "src/studykit/imports.py"]


@pytest.mark.parametrize("words", [[], ["stages.none"], ["none.none"]])
def test_a_stage_that_is_not_there_is_said_in_a_line(tmp_path, words):
    done = MiniStudy(tmp_path / "study", "").by_hand("studykit.start", *words)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "expected a module" in line


def test_a_mistake_anywhere_in_the_parameters_stops_every_stage(study):
    study.set_params(report__errors=-1)
    done = study("python -m studykit.start stages.fetch", check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: params.yaml: report.errors: expected ")


@pytest.mark.parametrize("forked", [True, False])
def test_a_stage_ends_with_its_dvc(tmp_path, forked):
    study = MiniStudy(tmp_path / "study", SLEEPS, FORKED)
    with study.start(**({} if forked else {"STUDYKIT_NO_FORK": "1"})) as dvc:
        assert dvc.stdout.readline() == "begun\n"
        here = processes_of(str(study.root))
        stages = [each for each in here if "studykit.start" in each.cmdline()]
        servers = [each for each in here if "studykit.warm.fork_server" in each.cmdline()]
        assert len(servers) == (2 if forked else 0)
        dvc.send_signal(signal.SIGTERM)
        _, said = dvc.communicate(timeout=20)
    assert said == "error: DVC has ended, and this stage ends with it\n"
    psutil.wait_procs(stages, timeout=5)
    assert not any(each.is_running() for each in stages)
    wait_until(lambda: not any(each.is_running() for each in servers), 10)
    wait_until(lambda: not processes_of(str(study.root)), 20)
    assert not (study.root / "written").exists()


def test_a_stage_takes_along_the_processes_that_it_has_started(tmp_path):
    code = "import subprocess\nsubprocess.run('echo begun; sleep 100', shell=True)"
    study = MiniStudy(tmp_path / "study", code)
    with study.start() as dvc:
        assert dvc.stdout.readline() == "begun\n"
        dvc.send_signal(signal.SIGTERM)
        dvc.communicate(timeout=20)
    wait_until(lambda: not processes_of(str(study.root)), 20)


def test_a_stage_that_is_run_by_hand_needs_no_launcher(study):
    done = subprocess.run(
        [sys.executable, "-m", "stages.fetch"], cwd=study.root, capture_output=True, check=False
    )
    assert done.returncode == 0
    assert store(study).one("fetch").info.status == "FINISHED"


@pytest.mark.slow
def test_without_warm_processes_a_study_has_the_same_bytes_and_all_its_runs(study):
    study.commit("results")
    study("rm -r src/studykit/warm models metrics plots/train_* data")
    study("dvc repro fetch")  # the hook finds nothing, and says nothing
    start = study.root / "src/studykit/start.py"
    hook = re.compile(r"^ +# warm: the only hook.*# warm: end of the hook\.\n", re.DOTALL | re.M)
    without = hook.sub("", start.read_text())
    assert "warm" not in without
    start.write_text(without)
    done = study("dvc repro --force 2>&1").stdout
    assert "warning" not in done
    assert study("git status --porcelain -- . ':!src'").stdout == ""
    assert store(study).statuses() == {"FINISHED"}
    assert len({run.data.tags["dvc.stage"] for run in store(study).stages}) == 7
