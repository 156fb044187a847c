"""`make upgrade`, on a project of three packages that lie in a folder: no network is asked."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from tests.packages import write_wheel
from tests.tiny_study import ENVIRONMENT, ROOT

PROJECT = """
[project]
name = "small"
version = "1"
requires-python = ">=3.11.4"
dependencies = ["alpha>=1", "beta>=1", "pinned==1.0"]
[dependency-groups]
install = []
dev = ["gamma>=1", "alpha>=1"]
"""
PARAMS = """# every value
libraries: # those that draw
  alpha: "1.0" # the figures
  beta: 1.0.0 # as DVC writes it
"""
PIPELINE = """
stages:
  draw: {cmd: draw, params: [libraries.alpha], outs: [figure]}
  count: {cmd: count, params: [libraries.beta], outs: [number]}
"""
LOCK = """
schema: '2.0'
stages:
  draw: {cmd: draw, params: {params.yaml: {libraries.alpha: '1.0'}}, outs: [{path: figure, md5: a}]}
  count:
    cmd: count
    params: {params.yaml: {libraries.beta: 1.0.0}}
    outs: [{path: number, md5: b}]
"""


class Project:
    """A folder with the Makefile, both locks at version 1.0 of all, and a pip that only notes."""

    def __init__(self, root):
        self.root, self.wheels = root, root / "wheels"
        self.wheels.mkdir(parents=True)
        for name in ("alpha", "gamma", "pinned"):
            write_wheel(self.wheels, name, "1.0")
        write_wheel(self.wheels, "beta", "1.0.0")
        for name, text in {
            "pyproject.toml": PROJECT,
            "params.yaml": PARAMS,
            "dvc.yaml": PIPELINE,
            "dvc.lock": LOCK,
            "studykit.yaml": "name: small\n",
            ".gitignore": "/.venv\n/figure\n/number\n",
            "requirements.lock": "",
            "requirements-dev.lock": "",
        }.items():
            (root / name).write_text(text)
        shutil.copy(ROOT / "Makefile", root)
        programs = root / ".venv/bin"
        programs.mkdir(parents=True)
        (programs / "python").symlink_to(sys.executable)
        (programs / "uv").symlink_to(shutil.which("uv", path=ENVIRONMENT["PATH"]))
        (programs / "activate").touch()
        self.program("pip", 'echo "$@" >> pip.log')
        self.program("mnist-study", f'exec {sys.executable} -m studykit.cli "$@"')
        self.finished()
        self("git init -q && git add . && git commit -qm small")
        self.make("resolve")
        self.finished()

    def program(self, name, script):
        path = self.root / ".venv/bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def finished(self):
        """Note that all is installed."""
        for name in ("locked", "installed", "developing"):
            (self.root / ".venv" / name).touch()

    def __call__(self, command):
        environment = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(self.wheels), "UV_OFFLINE": "1"}
        environment |= {"PYTHONPATH": f"{ROOT}/src"}
        return subprocess.run(
            command, shell=True, cwd=self.root, env=ENVIRONMENT | environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip

    def make(self, words):
        return self(f"make --no-print-directory PYTHON={sys.executable} {words}")

    def read(self, name):
        return (self.root / name).read_text()

    def locked(self, name):
        return [line.split()[0] for line in self.read(name).splitlines() if "==" in line]


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "small")


def test_what_only_developers_need_is_locked_apart(project):
    assert project.locked("requirements.lock") == ["alpha==1.0", "beta==1.0.0", "pinned==1.0"]
    assert project.locked("requirements-dev.lock") == ["gamma==1.0"]


def test_one_package_is_upgraded_with_what_needs_it(project):
    write_wheel(project.wheels, "alpha", "2.0", requires=["delta"])
    write_wheel(project.wheels, "beta", "2.0")
    write_wheel(project.wheels, "delta", "5.0")
    done = project.make("upgrade PACKAGE=alpha")
    assert project.locked("requirements.lock") == [
        "alpha==2.0",
        "beta==1.0.0",
        "delta==5.0",
        "pinned==1.0",
    ]
    assert project.locked("requirements-dev.lock") == ["gamma==1.0"]
    expected = PARAMS.replace('alpha: "1.0"', 'alpha: "2.0"').replace(
        "beta: 1.0.0", 'beta: "1.0.0"'
    )
    assert project.read("params.yaml") == expected
    assert {"was alpha 1.0", "now alpha 2.0", "now delta 5.0"} <= set(done.stdout.splitlines())
    assert "draw: libraries.alpha changed" in done.stdout
    assert "count:" not in done.stdout
    assert done.returncode == 0


def test_a_changed_lock_is_installed_beside_what_is_there(project):
    extra = project.root / ".venv/extra"
    extra.touch()
    os.utime(project.root / ".venv/locked", (0, 0))
    assert project.make(".venv/installed").returncode == 0
    assert "--require-hashes --requirement requirements.lock" in project.read("pip.log")
    assert "requirements-dev.lock" not in project.read("pip.log")
    assert extra.exists()


def test_a_package_that_nobody_needs_is_refused_in_a_line(project):
    done = project.make("upgrade PACKAGE=unknown")
    assert done.returncode
    assert (
        done.stdout
        == "error: PACKAGE=unknown: expected a package of the locks, found none of that name\n"
    )


def test_a_pin_is_said(project):
    write_wheel(project.wheels, "pinned", "2.0")
    done = project.make("upgrade PACKAGE=pinned")
    assert "pinned: pyproject.toml, or another package, allows no newer version" in done.stdout


def test_a_bot_is_told_what_is_left_to_do(project):
    lock = project.root / "requirements.lock"
    lock.write_text(lock.read_text().replace("alpha==1.0", "alpha==1.1"))
    project.finished()
    done = project.make("check")
    assert done.returncode
    assert done.stdout == (
        "error: params.yaml: libraries.alpha: expected 1.1, as in requirements.lock, received 1.0; "
        "run make versions and make repro\n"
    )
    project.make("versions")
    assert 'alpha: "1.1" # the figures' in project.read("params.yaml")


def test_a_bots_upgrade_that_no_result_depends_on_passes(project):
    for name in ("ruff", "mypy", "zizmor"):
        project.program(name, "exit 0")
    for name, package in (("requirements-dev.lock", "gamma"), ("requirements.lock", "pinned")):
        lock = project.root / name
        lock.write_text(lock.read_text().replace(f"{package}==1.0", f"{package}==1.1"))
    project.finished()
    done = project.make("check")
    assert done.returncode == 0, done.stdout
    assert "error" not in done.stdout


def test_the_bot_reads_both_locks_and_waits_with_what_results_depend_on():
    bot = json.loads((ROOT / "renovate.json").read_text())
    (pattern,) = bot["pip_requirements"]["managerFilePatterns"]
    for name in ("requirements.lock", "requirements-dev.lock"):
        assert re.search(pattern.strip("/"), name)
        assert (ROOT / name).is_file()
    (rule,) = bot["packageRules"]
    libraries = YAML(typ="safe").load(ROOT / "params.yaml")["libraries"]
    assert set(libraries) <= set(rule["matchPackageNames"])
    (note,) = rule["prBodyNotes"]
    targets = re.findall(r"`make (\w+)`", note)
    makefile = (ROOT / "Makefile").read_text()
    assert targets == ["versions", "repro"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_the_container_installs_by_the_same_targets(project):
    container = (ROOT / "Dockerfile").read_text() + (
        ROOT / ".devcontainer/devcontainer.json"
    ).read_text()
    targets = re.findall(r"make (\.venv/\w+)", container)
    assert targets == [".venv/installed", ".venv/developing"]
    for target in targets:
        os.utime(project.root / ".venv/locked", (0, 0))
        assert project.make(target).returncode == 0
    lines = project.read("pip.log").splitlines()
    assert all("--require-hashes" in line for line in lines if "--editable" not in line)
    assert any("requirements-dev.lock" in line for line in lines)
