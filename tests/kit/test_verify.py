"""The same inputs give the same bytes; `mnist-study verify` says so, or what it finds instead."""

import json
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from ruamel.yaml import YAML

from studykit.compare import agreement, machines, verify
from studykit.compare.results import read_results
from studykit.compare.settings import DiffSettings
from studykit.files import md5
from studykit.params import read
from studykit.records import origins
from studykit.records.lock import Lock, LockedStage
from studykit.records.revisions import WORKSPACE, Revision
from tests.recorded_study import ROOT


def outputs(study):
    """MD5 of each output that a study's lock names."""
    locked = YAML(typ="safe").load(study.read("dvc.lock"))["stages"]
    return {out["path"]: out["md5"] for stage in locked.values() for out in stage["outs"]}


def test_neither_place_nor_time_nor_load_nor_settings_change_a_byte(tiny_repro):
    said = tiny_repro.elsewhere.communicate()[0]
    assert tiny_repro.elsewhere.returncode == 0, said
    assert outputs(tiny_repro.twin) == outputs(tiny_repro.study)


def test_the_instruction_set_is_one_that_changes_bytes(tiny_repro, tmp_path):
    """So the test above would see it if the environment's reached a net."""
    study = tiny_repro.study.copy(tmp_path / "study")
    study.set_params(compute__instruction_set="SSE41")
    study("python -m stages.train_dense")
    model = "models/dense.keras"
    assert md5(study.root / model) != outputs(tiny_repro.study)[model]


def test_training_notes_its_processor_beside_the_models(tiny_repro):
    noted = json.loads(tiny_repro.study.read("models/origins.json"))
    for model in ("models/cnn.keras", "models/dense.keras"):
        assert noted[model] == {"md5": outputs(tiny_repro.study)[model]} | origins.this_machine()
    untracked = tiny_repro.study("git status --porcelain --untracked-files=all models").stdout
    assert untracked == "?? models/origins.json\n"


@pytest.fixture
def committed(tmp_path, monkeypatch):
    """The committed results as a working tree, to change."""
    for name in ("dvc.lock", "dvc.yaml", "params.yaml", "studykit.yaml", "metrics", "plots"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    (tmp_path / "models").mkdir()
    shutil.copy(ROOT / "models/origins.json", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    return Revision(WORKSPACE, None)


def checks(committed, net, wrong):
    """Compare with results in which a net errs on that many more images; Check by net."""
    before = read_results(committed)
    table = before.predictions[net].copy()
    right = np.flatnonzero(table["label"] == table["prediction"])[:wrong]
    table.loc[right, "prediction"] = (table.loc[right, "label"] + 1) % 10
    after = replace(before, predictions=before.predictions | {net: table})
    return {
        check.text.partition(":")[0]: check
        for check in agreement.compare_numbers(before, after, DiffSettings())
    }


def test_a_few_other_predictions_are_the_same_result(committed):
    found = checks(committed, "cnn", 3)
    assert found["cnn"].agrees
    assert "3 predictions changed, McNemar's p = 0.25: agrees" in found["cnn"].text
    assert "0 predictions changed, McNemar's p = 1: agrees" in found["dense"].text


def test_a_loss_within_the_interval_is_found_by_the_paired_test(committed):
    found = checks(committed, "dense", 9)  # 0.0009, where the interval is 0.0037 to either side
    assert not found["dense"].agrees
    assert "McNemar's p = 0.0039: DIFFERS" in found["dense"].text


def test_an_accuracy_outside_its_interval_differs(committed):
    assert not checks(committed, "cnn", 100)["cnn"].agrees


def locked(**made):
    """A Lock of `fetch`, which makes data, and `train`, which reads them and makes a model."""
    stages = {
        "train": LockedStage("train", {}, {"data": "b" * 32}, {"model": made.get("model")}),
        "fetch": LockedStage("fetch", {}, {}, {"data": made.get("data", "b" * 32)}),
    }
    return Lock(stages)


def test_each_output_is_compared_in_the_order_of_the_pipeline():
    found = list(verify.compare_outputs(locked(model="a" * 32), locked(model="c" * 32)))
    assert verify.table_of_outputs(found).splitlines() == [
        "output  expected  got       same",
        "data    bbbbbbbb  bbbbbbbb  yes",
        "model   aaaaaaaa  cccccccc  NO",
    ]
    assert verify.differing(found) == "1 of 2 outputs differ, from the stage train on."


def test_a_folder_is_one_output():
    expected, received = (locked(data=f"{digit * 32}.dir", model="a" * 32) for digit in "bd")
    found = list(verify.compare_outputs(expected, received))
    assert [(output.path, output.same) for output in found] == [("data", False), ("model", True)]


def test_an_output_that_is_missing_is_not_the_same():
    (output, _) = verify.compare_outputs(locked(), Lock({}))
    assert not output.same


def test_another_processor_is_named(committed):
    path = origins.ORIGINS
    noted = json.loads(path.read_text(encoding="utf-8"))
    for model in noted:
        noted[model]["processor"] = "Another 3000"
    path.write_text(json.dumps(noted), encoding="utf-8")
    table = machines.table_of_machines(*verify.machines(committed, committed))
    assert "processor" in table
    assert "Another 3000" in table
    assert origins.this_machine()["processor"] in table
    version = read(ROOT / "params.yaml")["libraries"]["tensorflow"]
    assert f"tensorflow       {version}" in table
    assert "floating-point sums may differ" in table


def test_bytes_that_differ_on_the_same_machine_are_a_fault():
    machine = origins.this_machine()
    assert "something undeclared" in machines.table_of_machines(machine, machine)


@pytest.mark.slow
def test_verify_reaches_bytes_and_sees_a_result_that_is_not_the_codes(study):
    study.commit("results")
    same = study("mnist-study verify")
    assert f"bytes: all {len(outputs(study))} outputs are those of HEAD" in same.stdout
    study.set_params(train_dense__epochs=1, compute__seed=1)
    study.commit("parameters without their results")
    other = study("mnist-study verify", check=False)
    assert other.returncode in (verify.NEITHER, verify.NUMBERS)
    assert "outputs differ, from the stage train_dense on" in other.stdout
    assert "something undeclared changes the bytes" in other.stdout
    study("git rm -q stages/fetch.py")
    study.commit("a stage that fails")
    broken = study("mnist-study verify", check=False)
    assert broken.returncode == 1
    assert broken.stderr.splitlines()[-1].startswith("error: HEAD")
