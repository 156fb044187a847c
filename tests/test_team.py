"""A team's day: what docs/team.md shows, by three clones, CI, a remote and a server with logins."""

import importlib.util
import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
from mlflow import MlflowClient
from werkzeug.security import generate_password_hash

from tests.kit.test_stores import postgresql  # noqa: F401
from tests.packages import write_wheels
from tests.processes import answers, free_port, wait_until
from tests.runs import Runs
from tests.test_workflows import WORKFLOWS
from tests.tiny_study import ENVIRONMENT, ROOT, Clone
from tests.transcript import Step, differences, write_transcript

pytestmark = pytest.mark.slow
GUIDE = (ROOT / "docs/team.md").read_text("utf-8")
BLOCKS = re.findall(r"<!-- (ann|ben|cleo).*? -->\n```console\n(.*?)```", GUIDE, re.DOTALL)
PASSWORD = "a password of twelve"
DAY = ROOT / "docs/team_day.txt"
BOTS = "renovate/matplotlib"  # the branch that Renovate pushes
OLDER = {"matplotlib": "3.11.1", "jinja2": "3.1.5"}  # what the day begins with
# Where Flask-WTF is, if it is beside what the lock installs.
PACKAGES = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}


@pytest.fixture
def server(tmp_path, postgresql):  # noqa: F811
    """The server as the guide starts it; gives its URI."""
    if importlib.util.find_spec("flask_wtf") is None:
        pytest.skip("Flask-WTF is not installed: make .venv/developing")
    (command,) = re.findall(r"^mlflow server .*", GUIDE, re.MULTILINE)
    port, folder = free_port(), tmp_path / "server"
    folder.mkdir()
    for shown, here in (
        ("postgresql+psycopg2://mlflow@127.0.0.1:5432/mlflow", postgresql),
        ("/srv/mlflow", str(folder)),
        ("5000", str(port)),
    ):
        assert shown in command
        command = command.replace(shown, here)
    process = subprocess.Popen(
        [*command.split(), "--workers", "1"],
        cwd=folder,
        env=ENVIRONMENT
        | PACKAGES
        | {
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "any",
            "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: answers(port), seconds=120)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 9)
        process.wait()


@pytest.fixture
def clones(study, tmp_path):
    """Ann has run the study, Ben and Cleo have a clone each of what she pushed."""
    make_older(study)
    study.commit("results")
    subprocess.run(["git", "clone", "-q", "--bare", study.root, tmp_path / "origin"], check=True)
    study(f"git remote add origin {tmp_path}/origin && git fetch -q && git branch -u origin/main")
    clones = {"ann": study} | {
        name: Clone(tmp_path / "origin", tmp_path / name) for name in ["ben", "cleo"]
    }
    for clone in clones.values():
        clone.make("merge-driver")
    write_wheels(tmp_path / "packages")
    return clones


def make_older(study):
    """Have the locks, and the records of what results were made with, name older libraries."""
    for name, version in OLDER.items():
        newer = metadata.version(name)
        for file in ("requirements.lock", "params.yaml", "dvc.lock"):
            text = re.sub(rf"^( *{name}(?:==|: [\"']?)){newer}\b", rf"\g<1>{version}",
                          study.read(file), flags=re.MULTILINE)  # fmt: skip
            study.write(file, text)
    for entry in list((study.root / ".dvc/cache/runs").glob("*/*/*")):
        if "stages.report" in entry.read_text("utf-8"):  # made with the newer ones
            shutil.rmtree(entry.parent)


def hash_fast(logins, username, password):
    """Spare the server the tenth of a second that it hashes a password for at each request."""
    cheap = generate_password_hash(password, "pbkdf2:sha256:1")
    with closing(sqlite3.connect(logins)) as database, database:
        words = "UPDATE users SET password_hash = ? WHERE username = ?"
        assert database.execute(words, (cheap, username)).rowcount == 1


class Answer(NamedTuple):
    """What CI says of a push: the stages that it runs, the steps that fail, and the comment."""

    ran: list[str]
    failed: list[str]
    comment: str


class Day:
    """What everybody does, and what was printed.

    Attributes:
        steps: list of Step.
        answers: list of Answer by branch.
    """

    def __init__(self, clones, server, folder):
        self.steps: list[Step] = []
        self.answers: dict[str, list[Answer]] = {}
        self._clones, self._server, self._folder = clones, server, folder
        self._experiment = None  # its id, once somebody has made it
        self._variables = {
            who: {
                "UV_NO_INDEX": "1",
                "UV_OFFLINE": "1",
                "UV_FIND_LINKS": str(folder / "packages"),
                "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",  # as the guide says, for a busy server
            }
            for who in clones
        }
        self._replaced = {
            "/srv/dvc-store": f"{folder}/store",
            "https://mlflow.example.org": server,
        }

    def do(self, who, shown):
        """Have somebody run a command; return it as completed."""
        if found := re.fullmatch(r"export (\w+)=(.*)", shown):
            self.steps.append(Step(who, shown, []))
            self._variables[who][found[1]] = self._here(found[2])
            return None
        done = self._run(who, self._clones[who], shown, **self._variables[who])
        judges = shown.startswith("mnist-study diff")  # 1 for a loss, 2 for what is not comparable
        assert done.returncode in ((0, 1) if judges else (0,)), f"{shown}\n{done.stdout}"
        if shown.startswith("git push -q") and "--delete" not in shown:
            branch = self._clones[who]("git branch --show-current").stdout.strip()
            if branch != "main":
                self.answers.setdefault(branch, []).append(self.answer(branch))
        return done

    def try_in_vain(self, who, command):
        """Have somebody run a command that the server refuses; return the line that says so."""
        done = self._clones[who](command, check=False, **self._variables[who])
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        return line

    def log_in(self, who):
        """Make a user of the server, and have somebody use that login from now on."""
        login = {"username": who, "password": f"another password of {who}"}
        self._ask("2.0/mlflow/users/create", **login)
        hash_fast(self._folder / "server/basic_auth.db", **login)
        names = {f"MLFLOW_TRACKING_{key.upper()}": value for key, value in login.items()}
        self._variables[who] |= names
        if experiment := MlflowClient(self._server).get_experiment_by_name("mnist-study"):
            self._experiment = experiment.experiment_id
            self.grant(who, "EDIT")

    def grant(self, who, permission):
        """Let somebody do something to what whoever synced first has made, as the guide says."""
        made = {"mnist-dense": "registered_model", "mnist-cnn": "registered_model"}
        for name, kind in {self._experiment: "experiment", **made}.items():
            to = {"username": who, "resource_type": kind, "resource_id": name}
            if permission == "MANAGE":  # in place of EDIT
                self._ask("3.0/mlflow/users/permissions/revoke", **to)
            self._ask("3.0/mlflow/users/permissions/grant", permission=permission, **to)

    def _ask(self, path, **content):
        """Ask the server something as its administrator."""
        assert f"/api/{path}" in GUIDE
        url, login = f"{self._server}/api/{path}", ("admin", PASSWORD)
        asked = requests.post(url, auth=login, json=content, timeout=60)
        assert asked.ok, asked.text

    def bot_pushes(self):
        """Renovate pushes an upgrade of the lock, and CI checks it."""
        bot = Clone(self._folder / "origin", self._folder / "renovate")
        name = BOTS.partition("/")[2]
        older, newer = f"\n{name}=={OLDER[name]} ", f"\n{name}=={metadata.version(name)} "
        assert older in bot.read("requirements.lock")
        bot.write("requirements.lock", bot.read("requirements.lock").replace(older, newer))
        bot(f"git switch -q -c {BOTS}")
        bot.commit(f"Update dependency {name}")
        self._run("renovate", bot, f"git push -q -u origin {BOTS}")
        clone = self._clone_for_ci(BOTS)
        return self._run("ci", clone, "make check")

    def answer(self, branch):
        """What CI says of a branch, in a clone that has what was pushed, and nothing else."""
        clone = self._clone_for_ci(branch)
        base = clone("git rev-parse origin/main").stdout.strip()
        answer = self._follow_workflow(clone, base)
        assert (clone.root / "report/index.html").is_file()
        if branch == "sentence":  # again, and as a branch without a base
            before = len(self.steps)
            again = self._follow_workflow(clone, "0" * 40)
            del self.steps[before:]
            assert "new branch has no base" in again.comment
            assert again[:2] == ([], [])
        return answer

    def _clone_for_ci(self, branch):
        clone = Clone(self._folder / "origin", self._folder / f"ci-{len(self.steps)}")
        self._run("ci", clone, f"git switch -q {branch}")
        clone("git merge -q --no-edit origin/main")  # as GitHub does, which has no merge driver
        return clone

    def _follow_workflow(self, clone, base):
        """Run the steps of a job as GitHub does: after a failure only those that ask for it."""
        ran, failed, summary = [], [], clone.root.with_name(f"{clone.root.name}-summary")
        summary.unlink(missing_ok=True)
        for step in WORKFLOWS["ci.yml"]["jobs"]["results"]["steps"]:
            command = step.get("run")
            if not command or (failed and "!cancelled()" not in str(step.get("if"))):
                continue
            done = self._run("ci", clone, command, BASE=base, GITHUB_STEP_SUMMARY=str(summary))
            ran += re.findall(r"^Running stage '(\w+)'", done.stdout, re.MULTILINE)
            failed += [command] if done.returncode else []
            if "SUMMARY" in command:  # shown on the run's page, until what is to be unfolded
                seen = summary.read_text("utf-8").partition("<details>")[0].splitlines()
                self.steps[-1].output.extend(seen)
        return Answer(ran, failed, summary.read_text("utf-8"))

    def _run(self, who, clone, shown, **variables):
        """Run a command that the guide shows, and note what it printed."""
        path = clone.path_with_make()
        command = f"exec 2>&1\n{self._here(shown)}"
        done = clone(command, check=False, timeout=900, PATH=path, **variables)
        printed = done.stdout.replace(str(clone.root), f"/home/{who}/study")
        for name, here in self._replaced.items():
            printed = printed.replace(here, name)
        self.steps.append(Step(who, shown, printed.splitlines()))
        return done

    def _here(self, shown):
        for name, here in self._replaced.items():
            shown = shown.replace(name, here)
        return shown


def test_a_day(clones, server, tmp_path, monkeypatch):
    """Where TEAM_DAY names a file, what was printed is written to that, to be committed."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    day = Day(clones, server, tmp_path)
    try:
        follow_the_guide(day, server)
    finally:
        if path := os.environ.get("TEAM_DAY"):
            write_transcript(Path(path), day.steps)
    check_answers(day.answers)
    check_merges(clones)
    check_clean_up(clones, Runs(server))
    assert not DAY.exists() or differences(DAY, day.steps) == []


def follow_the_guide(day, server):
    """Do what the guide shows, and what it says beside that."""
    for who, block in BLOCKS:
        if BOTS in block and not day.answers:
            checked = day.bot_pushes()
            assert checked.returncode
            assert "run make versions and make repro" in checked.stdout
        for shown in re.findall(r"\$ (.*)", block):
            if "mnist-study prune" in shown:
                assert "MANAGE to prune" in day.try_in_vain(who, shown)
                day.grant(who, "MANAGE")
            done = day.do(who, shown)
            if shown.startswith("export"):
                assert "expects a login" in day.try_in_vain(who, "mnist-study sync")
                day.log_in(who)
            elif shown == "mnist-study stale":
                assert done.stdout == ""
            elif shown == "mnist-study sync":
                # A run a line, and each champion's.
                said = done.stdout.splitlines()
                assert len([line for line in said if line.startswith("added")]) == 7
                assert all(line.startswith(("added", "MLflow: mnist-", "7 runs")) for line in said)
                assert len(Runs(server).stages) == 7


def check_answers(found):
    """CI runs what is stale and nothing else, says why, and fails until results are committed."""
    every = ["preprocess", "train_dense", "train_cnn", "evaluate", "report"]
    assert {branch: [answer.ran for answer in answers] for branch, answers in found.items()} == {
        BOTS: [[]],
        "sentence": [[]],
        "errors": [[]],
        "bins": [["evaluate", "report"], []],
        "split": [every],
        "smaller-dense": [[], []],
    }
    for branch, reason in {
        BOTS: "libraries.matplotlib",
        "sentence": "nothing that results depend on",
        "errors": "report.errors",
        "bins": "evaluate.calibration_bins",
        "split": "preprocess.val_fraction",
        "smaller-dense": "train_dense.units",
    }.items():
        for answer in found[branch]:
            assert reason in answer.comment
            expected = ['make changes BASE="$BASE"'] if "### A loss" in answer.comment else []
            assert answer.failed == expected + ["make stale"] * bool(answer.ran)


def check_merges(clones):
    """Both changes are in the merged branch, with their results and nothing else."""
    merged = clones["ann"].read("params.yaml")
    assert "units: 20" in merged
    assert "calibration_bins: 5" in merged
    assert clones["ann"]("git status --porcelain").stdout == ""
    clones["ben"]("git fetch -q")
    assert clones["ben"]("mnist-study stale origin/smaller-dense").stdout == ""
    lock = clones["ann"].read("requirements.lock")
    assert all(f"\n{name}=={metadata.version(name)} " in lock for name in OLDER)


def check_clean_up(clones, runs):
    """The experiment is gone, here and there; everything else is left."""
    assert "less-dropout" not in clones["cleo"]("dvc exp list -A").stdout
    assert clones["cleo"]("dvc exp list origin -A").stdout == ""
    of_experiment = {True: set(), False: set()}
    for run in runs.all:
        pruned = run.data.tags.get("dvc.experiment") == "less-dropout"
        of_experiment[pruned].add(run.info.lifecycle_stage)
    assert of_experiment == {True: {"deleted"}, False: {"active"}}
