"""Many runs: by DVC's queue on this machine, by Ray on a cluster of two nodes on this machine."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from studykit import cli
from studykit.records.revisions import EXPERIMENT, resolve
from studykit.records.stages import records
from studykit.trials import dvc_queue, sweep
from studykit.trials.trials import Event
from tests.kit.small_pipeline import FILES, shell, write
from tests.kit.test_stores import mlflow_server
from tests.processes import answers, below, free_port, kill, processes_of, wait_until
from tests.runs import Runs, store
from tests.tiny_study import ENVIRONMENT, ROOT

SWEEP = "python -m studykit.cli sweep --target train_dense"


def run(*words):
    """The exit status of the command `sweep`."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["sweep", *words])
    return ended.value.code


@pytest.fixture
def ran(monkeypatch):
    """Names of the trials that were handed to a runner, which lets all but seed 3 succeed."""
    names, commits = [], {}

    def runner(trials, *, target, workers):
        for trial in trials:
            names.append(trial.name)
            if trial.overrides.get("compute.seed") == 3:
                yield Event(0, trial.name, "it is 3")
            else:
                commits[trial.name] = "0" * 40
                yield Event(0, trial.name)

    def done(trials):
        return {t.name: commits[t.name] for t in trials if t.name in commits}

    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(sweep, "_runner", lambda: runner)
    monkeypatch.setattr(sweep, "_log", lambda name: True)
    monkeypatch.setattr(sweep, "done", done)
    return names


def test_trials_that_have_run_are_not_run_again(ran, capsys):
    assert run("--seeds", "2") == 0
    assert run("--seeds", "3") == 0
    assert [name.rpartition("-")[0] for name in ran] == [
        f"mnist,preprocess.seed={seed},compute.seed={seed}" for seed in (0, 1, 2)
    ]
    assert capsys.readouterr().out.endswith("3 trials: 3 done (2 before), 0 failed\n")


def test_a_failed_trial_is_reported_and_stops_no_other(ran, capsys):
    assert run("compute.seed=-1,3,4") == 1
    assert [name.rpartition("-")[0] for name in ran] == [
        "mnist,compute.seed=3",
        "mnist,compute.seed=4",
    ]
    bad, failed, good, summary = capsys.readouterr().out.splitlines()
    assert bad.startswith("failed: mnist,compute.seed=-1-")
    assert bad.endswith(
        ": params.yaml: compute.seed: expected a whole number in [0, 2**32), received -1"
    )
    assert failed.startswith("failed: mnist,compute.seed=3-")
    assert failed.endswith(": it is 3")
    assert good.startswith("done: mnist,compute.seed=4-")
    assert "; 1 of 3 done, 0 running, 2 failed, 00:00 left" in good
    assert summary == "3 trials: 1 done (0 before), 2 failed"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "error: sweep: expected --seeds, values or --file, received none"),
        (["compute.sede=1"], "error: compute.sede: expected a parameter of params.yaml, found none "
         "of that name; did you mean compute.seed?"),
        (["--file", "none.txt"],
         "error: none.txt: expected a file, found: No such file or directory"),
    ],
)  # fmt: skip
def test_a_users_mistake_is_one_line_and_runs_nothing(ran, capsys, words, message):
    assert run(*words) == 1
    assert capsys.readouterr().err == f"{message}\n"
    assert ran == []


def test_a_number_of_seeds_is_at_least_one(ran, capsys):
    assert run("--seeds", "0") == 2
    assert "expected a whole number of at least 1, received 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("", "studykit.trials.dvc_queue"),
        ("127.0.0.1:1", "error: RAY_ADDRESS is set: no Ray here; pip install '.[ray]'"),
    ],
)
def test_ray_is_needed_only_where_its_address_is_set(tmp_path, address, answer):
    (tmp_path / "ray.py").write_text("raise ImportError('no Ray here')")
    program = (
        "from studykit import errors\n"
        "from studykit.trials import sweep\n"
        "errors.command(lambda: print(sweep._runner().__module__))"
    )
    path = f"{tmp_path}{os.pathsep}{ROOT / 'src'}"
    completed = subprocess.run(
        [sys.executable, "-c", program],
        env=ENVIRONMENT | {"PYTHONPATH": path, "RAY_ADDRESS": address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (completed.stdout + completed.stderr).strip() == answer


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}"])
def test_a_cluster_that_is_not_there_is_one_line_at_once(form):
    address = form.format(free_port())
    program = (
        "from studykit import errors\n"
        "from studykit.trials import ray_cluster\n"
        "errors.command(lambda: next(ray_cluster.run([], target='evaluate', workers=1)))"
    )
    completed = subprocess.run(
        [sys.executable, "-c", program],
        env=ENVIRONMENT | {"PYTHONPATH": str(ROOT / "src"), "RAY_ADDRESS": address},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert completed.returncode == 1
    (line,) = completed.stderr.splitlines()
    assert line.startswith(f"error: RAY_ADDRESS: expected a cluster at {address}, received ")
    assert line.endswith("Connection refused")


def experiments(study):
    """How many experiments there are of each name."""
    refs = study("git for-each-ref refs/exps --format='%(refname)'").stdout.split()
    return Counter(match["name"] for ref in refs if (match := EXPERIMENT.fullmatch(ref)))


def logged(runs, status="FINISHED"):
    """How many runs of `train_dense` with a status there are of each number of units."""
    with_status = [run for run in runs.of("train_dense") if run.info.status == status]
    return Counter(run.data.params["units"] for run in with_status)


def units(study):
    """The same of experiments, by their names."""
    counted: Counter[str] = Counter()
    for name, number in experiments(study).items():
        counted[name.partition("units=")[2].partition("-")[0].partition(",")[0]] += number
    return counted


def environment(study):
    """In which the study's own library is run."""
    return {"PYTHONPATH": str(study.root / "src")}


@contextmanager
def started(study, command, log, **variables):
    """A command in the background in a session of its own, which is ended with the block."""
    with open(log, "w") as file:
        process = subprocess.Popen(
            command,
            shell=True,
            cwd=study.root,
            env=ENVIRONMENT | environment(study) | variables,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_an_interrupted_sweep_goes_on_where_it_stopped(study, tmp_path):
    study.commit("results")
    # An edit that is not committed, and a training that is long enough to be met.
    study.set_params(evaluate__samples=9, train_dense__epochs=1500)
    # No image is left for validation: only the stage finds that out.
    (tmp_path / "trials.txt").write_text("train_dense.units=9 preprocess.val_fraction=0.0001\n")
    one = f"{SWEEP} train_dense.units=5,6,7,0 -j 1"
    log = tmp_path / "log"
    with started(study, f"exec {one}", log) as process:
        wait_until(lambda: "done: " in log.read_text(), seconds=120)
        wait_until(lambda: logged(store(study), "RUNNING"))  # the second trial
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
    assert log.read_text().endswith("stopped; the same command goes on from here\n")
    assert units(study) == {"5": 1}
    assert "Queued" not in (queue := study("dvc queue status").stdout)
    assert "Running" not in queue
    rerun = study(one, check=False, **environment(study))
    assert rerun.returncode == 1
    pids = (study.root / ".dvc/tmp/exps/celery").glob("dvc-exp-worker-*.pid")
    assert not [file for file in pids if psutil.pid_exists(int(file.read_text()))]
    lines = rerun.stdout.splitlines()
    assert lines[0].startswith("failed: mnist,train_dense.units=0-")
    assert lines[-1] == "4 trials: 3 done (1 before), 1 failed"
    assert units(study) == {"5": 1, "6": 1, "7": 1}
    assert logged(store(study)) == {"5": 1, "6": 1, "7": 1}
    assert study("git diff --name-only").stdout == "params.yaml\n"

    failing = f"{SWEEP} --file {tmp_path / 'trials.txt'}"
    for _ in range(2):  # a failed trial is run again
        failed = study(failing, check=False, **environment(study))
        assert failed.returncode == 1
        first, last = failed.stdout.splitlines()
        assert first.startswith("failed: mnist,train_dense.units=9,preprocess.val_fraction=0.0001-")
        assert "preprocess.val_fraction: expected a share that leaves images" in first
        assert last == "1 trials: 0 done (0 before), 1 failed"

    (name,) = [name for name in experiments(study) if "units=7" in name]
    study(f"dvc exp apply {name}")
    assert "units: 7" in study.read("params.yaml")
    assert study("dvc status --json train_dense").stdout.strip() == "{}"


@pytest.mark.slow
def test_a_sweep_of_any_pipeline_runs_all_of_it_and_goes_on_where_it_was_stopped(
    small_pipeline, tmp_path
):
    pause = "sleep 9.125"  # a word that no other process has
    write(
        small_pipeline / "dvc.yaml",
        FILES["dvc.yaml"].replace("echo ${item} ", f"{pause}; echo ${{item}} "),
    )
    sweep = "python -m studykit.cli sweep -j 1 rate=0.3"
    here, variables = SimpleNamespace(root=small_pipeline), {"PYTHONPATH": str(ROOT / "src")}

    def summary(command):
        options = {"env": ENVIRONMENT | variables, "text": True, "stdin": subprocess.DEVNULL}
        return subprocess.check_output(command, shell=True, **options).splitlines()[-1]

    assert summary(sweep) == "1 trials: 1 done (0 before), 0 failed"
    log = tmp_path / "log"
    with started(here, f"exec {sweep},0.4,0.5", log, **variables) as process:
        wait_until(lambda: processes_of(pause), seconds=200)  # the second trial runs
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(120) == 130
    assert log.read_text().endswith("stopped; the same command goes on from here\n")
    assert not processes_of(pause)
    assert summary(f"{sweep},0.4,0.5") == "3 trials: 3 done (1 before), 0 failed"
    refs = shell(small_pipeline, "git for-each-ref refs/exps --format='%(refname)'").split()
    names = sorted(match["name"] for ref in refs if (match := EXPERIMENT.fullmatch(ref)))
    rates = ["0.3", "0.4", "0.5"]
    assert [name.rpartition("-")[0] for name in names] == [f"rate={rate}" for rate in rates]
    for name, rate in zip(names, rates, strict=True):
        found = {each.stage: each for each in records(resolve(name), tmp_path)}
        assert len(found) == 10
        assert found["train@cnn"].open("model_cnn.txt").read_text() == f"cnn {rate}\n"
    assert shell(small_pipeline, "git diff --name-only") == "dvc.yaml\n"


@pytest.mark.parametrize(
    ("asked", "trials", "workers", "each"),
    [(None, 9, 8, 1), (None, 3, 3, 2), (1, 9, 1, 8), (20, 9, 9, 1)],
)
def test_the_trials_that_run_at_once_share_the_cores(monkeypatch, asked, trials, workers, each):
    monkeypatch.setenv("OMP_NUM_THREADS", "set back after the test")
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(dvc_queue, "granted_cores", lambda: 8)
    assert dvc_queue._share_cores(asked, trials) == workers
    assert os.environ["OMP_NUM_THREADS"] == str(each)


def test_copies_that_killed_trials_have_left_are_removed_and_no_others(tmp_path):
    folder = tmp_path / ".dvc/tmp/exps"
    for name in ("tmpleft", "tmpused/inside", "tmpnew", "celery"):
        (folder / name).mkdir(parents=True)
    for name in ("tmpleft", "tmpused", "celery"):
        os.utime(folder / name, (0, 0))
    sleep = "import time; time.sleep(60)"
    preparing = [sys.executable, "-c", sleep, "dvc", "exp", "run", "--temp"]
    with subprocess.Popen(preparing, cwd=tmp_path) as user:
        dvc_queue._remove_abandoned(folder)
        user.kill()
    assert (folder / "tmpleft").exists()
    with subprocess.Popen(["sleep", "60"], cwd=folder / "tmpused/inside") as user:
        dvc_queue._remove_abandoned(folder)
        user.kill()
    assert sorted(path.name for path in folder.iterdir()) == ["celery", "tmpnew", "tmpused"]


def test_a_worker_that_lives_on_does_not_hold_the_sweeps_streams():
    code = """
import multiprocessing, time
from types import SimpleNamespace
from studykit.trials import dvc_queue

def start_workers(count):  # as DVC does
    worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(30,), daemon=True)
    worker.start()
    multiprocessing.process._children.discard(worker)
    print(worker.pid)

dvc_queue._start(SimpleNamespace(start_workers=start_workers), 1)
print("done")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    worker, *rest = done.stdout.split()
    os.kill(int(worker), signal.SIGKILL)
    assert rest == ["done"]


@pytest.mark.slow
def test_what_others_have_queued_is_neither_run_nor_removed(study):
    study.commit("results")
    study("dvc exp run --queue --name mine -S train_dense.units=8")
    refused = study(f"{SWEEP} train_dense.units=5", check=False, **environment(study))
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "error: DVC's queue: expected no experiments but the sweep's, found 1 others (mine)"
    )
    status = study("dvc queue status").stdout
    assert status.count("Queued") == 1
    assert "mine" in status


class RayCluster:
    """A head and a second node on this machine, of one core each, closed to who has no token."""

    def __init__(self, folder):
        port = free_port()
        self.folder = folder
        self.address = f"127.0.0.1:{port}"
        token = Path(folder, "token")
        token.write_text("0123456789abcdef" * 4)
        self.token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
        self.head = self._start("--head", f"--port={port}", "--include-dashboard=false",
                                f"--temp-dir={folder}")  # fmt: skip
        wait_until(lambda: answers(port), seconds=60)
        self.node = self._start(f"--address={self.address}")

    def _start(self, *options):
        common = ["--num-cpus=1", "--object-store-memory=200000000", "--disable-usage-stats"]
        return subprocess.Popen(
            ["ray", "start", "--block", *options, *common],
            env=ENVIRONMENT | self.token,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self, root):
        """Kill a node's own processes; what its workers have started is left to itself."""
        kill(below(root), named="ray")
        root.kill()
        root.wait()


@pytest.fixture
def ray_cluster():
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: it holds the paths of sockets
    cluster = RayCluster(folder)
    yield cluster
    for root in (cluster.node, cluster.head):
        if root.poll() is None:
            kill(below(root))
            root.kill()
            root.wait()
    wait_until(lambda: not processes_of(folder), seconds=20)
    shutil.rmtree(folder)


def training_on(root):
    """Whether a stage trains on a node."""
    return any(process in below(root) for process in processes_of("stages.train_dense"))


def clones():
    return list(Path(tempfile.gettempdir()).glob("studykit-*-*"))


@pytest.mark.slow
def test_a_cluster_that_loses_a_node_runs_every_trial_once(study, tmp_path, ray_cluster):
    study.set_params(train_dense__epochs=20)
    study.commit("longer")
    # An edit that is not committed, and a training that is long enough to be met.
    study.set_params(evaluate__samples=9, train_dense__epochs=300)
    log = tmp_path / "log"
    command = f"{SWEEP} train_dense.units=5,6,7,0; {SWEEP} preprocess.val_fraction=0.0001"
    with started(
        study, command, log, RAY_ADDRESS=ray_cluster.address, **ray_cluster.token
    ) as process:
        wait_until(lambda: training_on(ray_cluster.node), seconds=120)
        ray_cluster.kill(ray_cluster.node)
        assert process.wait(300) == 1, log.read_text()
    output = log.read_text()
    assert "4 trials: 3 done (0 before), 1 failed" in output
    assert "failed: mnist,preprocess.val_fraction=0.0001-" in output
    assert "preprocess.val_fraction: expected a share that leaves images" in output
    assert "raylet" not in output
    assert units(study) == {"5": 1, "6": 1, "7": 1}
    assert logged(store(study)) == {"5": 1, "6": 1, "7": 1}
    assert store(study).statuses() == {"FINISHED"}
    assert study("git diff --name-only").stdout == "params.yaml\n"
    wait_until(lambda: not processes_of("/studykit-"), seconds=20)
    assert clones() == []

    (name,) = [name for name in experiments(study) if "units=7" in name]
    assert name in study("dvc exp show --csv").stdout
    study(f"dvc exp apply {name}")
    assert "units: 7" in study.read("params.yaml")
    assert study("dvc status --json train_dense").stdout.strip() == "{}"


@pytest.mark.slow
def test_a_trial_is_the_same_on_a_cluster_and_logs_to_a_server_as_it_goes(
    study, tmp_path, ray_cluster
):
    study.commit("results")
    command = f"{SWEEP} train_dense.units=5"
    lock = "git show $(git for-each-ref refs/exps/?? --format='%(objectname)'):dvc.lock"
    study(command, **environment(study))
    here = study(lock).stdout
    (name,) = experiments(study)
    study(f"dvc exp remove {name}")
    with mlflow_server(tmp_path, f"sqlite:///{tmp_path}/server.db") as (uri, _):
        cluster = {"MLFLOW_TRACKING_URI": uri, "RAY_ADDRESS": ray_cluster.address}
        cluster |= ray_cluster.token
        study(command, **cluster, **environment(study))
        (run,) = Runs(uri).of("train_dense")
    assert experiments(study) == {name: 1}
    assert study(lock).stdout == here
    assert run.data.params["units"] == "5"
    assert run.data.tags["dvc.experiment"] == name
    assert "restored" not in run.data.tags
