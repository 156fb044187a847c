"""`dvc.yaml` is the architecture: it is held against what the stages really do."""

import ast
import json
import re
import tomllib
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from ruamel.yaml import YAML

from mnist_study.params import load
from tests.tiny_study import ROOT

PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]

# No output depends on these: they refuse, watch or save time. Empty modules hold nothing at all.
EXEMPT = {
    "src/mnist_study/__init__.py",
    "src/mnist_study/companions.py",
    "src/mnist_study/errors.py",
    "src/mnist_study/figures/__init__.py",
    "src/mnist_study/forking.py",
    "src/mnist_study/imports.py",
    "src/mnist_study/params.py",
    "src/mnist_study/provenance.py",
    "src/mnist_study/tracking.py",
}
PACKAGES = {  # of the libraries that compute or draw, by the name that is imported
    "keras": "keras",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "scipy": "scipy",
    "tensorflow": "tensorflow",
}
IGNORED = re.compile(r"params\.yaml|models/origins\.json|src/|stages/|.*\.pyc$|\.git/|mlflow\.db")


def declared(stage, *kinds):
    for kind in kinds:
        for item in PIPELINE[stage].get(kind, ()):
            yield item if isinstance(item, str) else next(iter(item))


@pytest.fixture(params=PIPELINE)
def observed(request, tiny_repro):
    stage = request.param
    files = list(tiny_repro.observed.glob(f"stages.{stage}.*.json"))  # of each of its processes
    contents = [json.loads(file.read_text()) for file in files]
    return stage, {key: set().union(*(each[key] for each in contents)) for key in contents[0]}


def test_each_stage_declares_the_library_modules_that_it_imports(observed):
    stage, content = observed
    modules = {dep for dep in declared(stage, "deps") if dep.endswith(".py")}
    assert modules - {f"stages/{stage}.py"} == set(content["modules"]) - EXEMPT


def test_each_stage_declares_the_parameters_that_it_reads(observed):
    stage, content = observed
    declared_keys = {key for key in declared(stage, "params") if not key.startswith("libraries.")}
    assert declared_keys == set(content["parameters"]) - {"libraries.model_dump"}


@pytest.mark.parametrize("stage", PIPELINE)
def test_each_stage_declares_the_versions_of_the_libraries_that_it_uses(stage):
    scripts = [dep for dep in declared(stage, "deps") if dep.endswith(".py")]
    imported = {package for script in scripts for package in imports(ROOT / script)}
    used = {f"libraries.{PACKAGES[package]}" for package in imported & set(PACKAGES)}
    backends = {"libraries.jax", "libraries.torch"}
    if stage.startswith("train_"):  # on whatever backend is asked for
        used |= backends
    if stage == "report":  # which names them all
        used = {f"libraries.{library}" for library in PACKAGES.values()} | backends
    assert {key for key in declared(stage, "params") if key.startswith("libraries.")} == used


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_versions_are_those_of_the_lock_for_every_python(python):
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    requirements = map(Requirement, re.findall(r"^\S+==[^\\\n]+", lock, flags=re.MULTILINE))
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    locked = {
        requirement.name: str(requirement.specifier).removeprefix("==")
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(here)
    }
    versions = load(ROOT / "params.yaml").libraries.model_dump(exclude={"torch"})
    assert {library: locked[library] for library in versions} == versions


def test_the_extras_bring_the_versions_that_the_parameters_name():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    libraries = load(ROOT / "params.yaml").libraries
    for backend in ("jax", "torch"):
        version = getattr(libraries, backend)
        assert project["optional-dependencies"][backend] == [f"{backend}=={version}"]


@pytest.mark.parametrize("python", [(3, 10, 9), (3, 11, 3), (3, 11, 4), (3, 13, 9), (3, 14, 0)])
def test_make_takes_the_pythons_that_the_package_takes(python):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (supported,) = re.findall(r"^SUPPORTED := (.+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    taken = eval(supported, {"sys": SimpleNamespace(version_info=python)})
    assert taken == SpecifierSet(project["requires-python"]).contains(".".join(map(str, python)))


def imports(script):
    """The packages that a script imports, by the first part of their names."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def test_each_stage_declares_the_files_that_it_opens(observed):
    stage, content = observed
    outputs = set(declared(stage, "outs", "metrics", "plots"))
    read = {path for path in content["read"] if not IGNORED.match(path)}
    data = {dep for dep in declared(stage, "deps") if not dep.startswith(("src/", "stages/"))}
    assert {path for path in read if "/." not in path} - outputs == data


def test_each_stage_declares_the_files_that_it_writes(observed):
    stage, content = observed
    written = {p for p in content["written"] if "/." not in p and not IGNORED.match(p)}
    assert written == set(declared(stage, "outs", "metrics", "plots"))


def test_the_modules_that_are_left_out_are_named_in_the_pipeline():
    text = (ROOT / "dvc.yaml").read_text()
    for path in EXEMPT:
        if not path.endswith("__init__.py"):
            assert path.rpartition("/")[2] in text.partition("stages:")[0]


def test_no_stage_but_evaluate_and_its_maker_names_the_test_images():
    named = {stage for stage in PIPELINE if "data/processed/test.npz" in str(PIPELINE[stage])}
    assert named == {"preprocess", "evaluate"}
