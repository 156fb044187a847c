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

from tests.tiny_study import ROOT

PARAMS = YAML(typ="safe").load(ROOT / "params.yaml")
DATA = PARAMS["data"]["name"]
TEXT = (ROOT / "dvc.yaml").read_text(encoding="utf-8").replace("${data.name}", DATA)
PIPELINE = YAML(typ="safe").load(TEXT)["stages"]
STUDY = ("src/imagesets/", "src/mnist_study/", "src/netserve/")
PACKAGES = ("keras", "matplotlib", "numpy", "pillow", "scipy", "tensorflow")  # compute or draw


def declared(stage, *kinds):
    """Paths and keys; those of another file of parameters begin with its name: `file:key`."""
    for kind in kinds:
        for item in PIPELINE[stage].get(kind, ()):
            if isinstance(item, str):
                yield item
            elif kind == "params":
                yield from (f"{file}:{key}" for file, keys in item.items() for key in keys)
            else:
                yield from item


def declared_code(stage):
    return {dep for dep in declared(stage, "deps") if dep.startswith(("src/", "stages/"))}


def covers(declaration, used, separator="/"):
    """Whether what is declared is what is used, or holds it: a folder, a section of parameters."""
    return used == declaration or used.startswith(declaration + separator)


def assert_declared(declarations, used, separator="/"):
    """All that is used is declared, and nothing is declared that is not used."""
    undeclared = {
        each for each in used if not any(covers(d, each, separator) for d in declarations)
    }
    unused = {d for d in declarations if not any(covers(d, each, separator) for each in used)}
    assert (undeclared, unused) == (set(), set())


@pytest.fixture(params=PIPELINE)
def observed(request, tiny_repro):
    stage = request.param
    (file,) = tiny_repro.observed.glob(f"stages.{stage}.*.json")  # a stage is one process
    return stage, {key: set(values) for key, values in json.loads(file.read_text()).items()}


def test_each_stage_declares_the_modules_of_the_study_that_it_uses(observed):
    """It imports them, or reads their text; modules of a docstring at most hold nothing."""
    stage, content = observed
    assert all(module.startswith(STUDY) for module in content["modules"])
    texts = {path for path in content["read"] if path.startswith(STUDY) and path.endswith(".py")}
    used = {module for module in content["modules"] | texts if holds_something(ROOT / module)}
    assert_declared(declared_code(stage), used | {f"stages/{stage}.py"})


def holds_something(module):
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return len(tree.body) > (ast.get_docstring(tree) is not None)


def test_no_stage_declares_the_kit():
    code = {dep for stage in PIPELINE for dep in declared_code(stage)}
    assert all(f"{dep}/".startswith((*STUDY, "stages/")) for dep in code)


def test_each_stage_declares_the_parameters_that_it_reads(observed):
    stage, content = observed
    keys = {key for key in declared(stage, "params") if not covers("libraries", key, ".")}
    read = {key for key in content["parameters"] if not covers("libraries", key, ".")}
    assert_declared(keys, read, ".")


def test_every_parameter_that_is_declared_is_there():
    for stage in PIPELINE:
        for name in declared(stage, "params"):
            file, _, key = name.rpartition(":")
            value = YAML(typ="safe").load(ROOT / file) if file else PARAMS
            for part in key.split("."):
                value = value[part]


def test_no_stage_names_a_data_set_of_its_own():
    """The parameters choose it, so that another one needs no other pipeline."""
    names = YAML(typ="safe").load(ROOT / "datasets.yaml")
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8").replace("mnist_study", "")
    assert [name for name in names if re.search(rf"\b{name}\b", text)] == []


def test_each_stage_declares_the_versions_of_the_libraries_that_it_uses(observed):
    stage, content = observed
    scripts = {f"stages/{stage}.py", *content["modules"]}
    imported = {package for script in scripts for package in imports(ROOT / script)}
    used = {f"libraries.{package}" for package in imported & set(PACKAGES)}
    if "libraries" in declared(stage, "params"):  # all of them, as it names them
        used = {key for key in content["parameters"] if covers("libraries", key, ".")}
        assert used == {f"libraries.{package}" for package in PARAMS["libraries"]}
        used = {"libraries"}
    if stage == "preprocess":
        used.add("libraries.pillow")  # decodes the images of data sets that are pictures
    assert {key for key in declared(stage, "params") if covers("libraries", key, ".")} == used


@pytest.mark.parametrize(
    "machine", [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]
)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_versions_are_those_of_the_lock_for_every_python(python, machine):
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    requirements = map(Requirement, re.findall(r"^\S+==[^\\\n]+", lock, flags=re.MULTILINE))
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    here |= dict(zip(("sys_platform", "platform_machine"), machine, strict=True))
    locked = {  # TensorFlow's build for processors alone is called tensorflow-cpu
        requirement.name.removesuffix("-cpu"): str(requirement.specifier).removeprefix("==")
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(here)
    }
    versions = PARAMS["libraries"]
    assert set(versions) == set(PACKAGES)
    assert {library: locked[library] for library in versions} == versions


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


def of_the_data(paths):
    """Without code, and without names that begin with a dot: those are of files being written."""
    return {path for path in paths if not path.startswith(("src/", "stages/")) and "/." not in path}


def test_each_stage_declares_the_files_that_it_opens(observed):
    stage, content = observed
    data = set(declared(stage, "deps")) - declared_code(stage)
    own = {path for path in content["read"] if is_output(stage, path)}
    assert_declared(data, of_the_data(content["read"]) - own)


def test_each_stage_declares_the_files_that_it_writes(observed):
    stage, content = observed
    outputs = set(declared(stage, "outs", "metrics", "plots"))
    assert_declared(outputs, of_the_data(content["written"]))


def is_output(stage, path):
    return any(covers(output, path) for output in declared(stage, "outs", "metrics", "plots"))


def test_no_stage_but_evaluate_and_its_maker_names_the_test_images():
    named = {stage for stage in PIPELINE if "data/processed/test.npz" in str(PIPELINE[stage])}
    assert named == {"preprocess", "evaluate"}
