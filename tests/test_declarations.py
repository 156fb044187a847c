"""`dvc.yaml` is the architecture: it is held against what the stages really do."""

import json
import re

import pytest
from ruamel.yaml import YAML

from tests.tiny_study import ROOT

PIPELINE = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]

# No output depends on these: they refuse, or watch. Empty modules hold nothing to depend on.
EXEMPT = {
    "src/mnist_study/__init__.py",
    "src/mnist_study/errors.py",
    "src/mnist_study/figures/__init__.py",
    "src/mnist_study/params.py",
    "src/mnist_study/tracking.py",
}
IGNORED = re.compile(r"params\.yaml|src/|stages/|.*\.pyc$|\.git/|mlflow\.db")


def declared(stage, *kinds):
    for kind in kinds:
        for item in PIPELINE[stage].get(kind, ()):
            yield item if isinstance(item, str) else next(iter(item))


@pytest.fixture(params=PIPELINE)
def observed(request, tiny_repro):
    stage = request.param
    content = json.loads((tiny_repro.observed / f"stages.{stage}.json").read_text())
    return stage, content


def test_each_stage_declares_the_library_modules_that_it_imports(observed):
    stage, content = observed
    modules = {dep for dep in declared(stage, "deps") if dep.endswith(".py")}
    assert modules - {f"stages/{stage}.py"} == set(content["modules"]) - EXEMPT


def test_each_stage_declares_the_parameters_that_it_reads(observed):
    stage, content = observed
    assert sorted(declared(stage, "params")) == content["parameters"]


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
