"""What is read of any study: its own names, formats and shapes, with or without predictions."""

import hashlib
import io
import json
import subprocess

import numpy as np
import pytest
from ruamel.yaml import YAML

from studykit.compare import parsing
from studykit.compare.agreement import compare_numbers
from studykit.compare.comparison import compare
from studykit.compare.metrics import judge_tolerance
from studykit.compare.models import confusions
from studykit.compare.results import read_results
from studykit.compare.settings import DiffSettings, settings_of
from studykit.errors import UserError
from studykit.records.revisions import WORKSPACE, resolve
from studykit.runs.entries import read_entries
from studykit.study import Outputs, Study
from tests.tiny_study import ENVIRONMENT

DEFAULTS = DiffSettings()


class Project:
    """A repository in the current folder, whose stages are declared and locked but never run."""

    def __init__(self):
        self.stages, self.locked = {}, {}
        run("git init -q -b main")

    def stage(self, name, *, deps=(), lock=True, **outs):
        """Declare a stage, and lock what is in the folder as its results."""
        options = {
            kind: [{path: {"cache": False}} for path in paths] for kind, paths in outs.items()
        }
        declared = {"cmd": f"run {name}", "deps": list(deps), **options}
        self.stages[name] = declared
        if lock:
            self.locked[name] = {
                "cmd": declared["cmd"],
                "deps": [{"path": path, "md5": md5(path)} for path in deps],
                "outs": [
                    {"path": path, "md5": md5(path)} for paths in outs.values() for path in paths
                ],
            }
        write("dvc.yaml", {"stages": self.stages})
        write("dvc.lock", {"schema": "2.0", "stages": self.locked})

    def commit(self):
        run("git add -A && git commit -qm results")
        return resolve(run("git rev-parse HEAD").strip())


def run(command):
    return subprocess.run(
        command, shell=True, check=True, text=True, stdout=subprocess.PIPE, env=ENVIRONMENT
    ).stdout


def write(path, content):
    with open(path, "w", encoding="utf-8") as file:
        if isinstance(content, str):
            file.write(content)
        else:
            YAML().dump(content, file)


def md5(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Project()


def study(**outputs):
    return Study(name="any", outputs=Outputs(**outputs))


def test_metrics_are_the_files_that_are_declared_as_such_in_any_format(project, tmp_path):
    for folder in ("metrics/deep", "results"):
        (tmp_path / folder).mkdir(parents=True)
    write("metrics/deep/a.json", '{"loss": 1, "best": {"epoch": 3}, "ok": true, "name": "x"}')
    write("results/b.yaml", "loss: 2.5\n")
    write("results/c.toml", "[val]\nloss = 4\n")
    write("results/d.json", "0.5")
    write("results/undeclared.json", '{"loss": 9}')
    project.stage("train", metrics=["metrics/deep/a.json", "results/b.yaml"])
    project.stage("test", metrics=["results/c.toml", "results/d.json"])
    assert read_results(project.commit()).metrics == {
        "deep.a.loss": 1,
        "deep.a.best.epoch": 3,
        "results.b.loss": 2.5,
        "results.c.val.loss": 4,
        "results.d": 0.5,
    }


def test_metrics_in_a_folder_are_found_in_a_commit_and_in_the_workspace(project, tmp_path):
    (tmp_path / "metrics/test/deep").mkdir(parents=True)
    write("metrics/test/a.json", '{"accuracy": 0.5}')
    write("metrics/test/deep/b.yaml", "loss: 2\n")
    write("metrics/test/notes.txt", "no metrics\n")
    project.stage("test", metrics=["metrics/test"], lock=False)
    commit = project.commit()
    found = {"test.a.accuracy": 0.5, "test.deep.b.loss": 2}
    for revision in (commit, resolve(WORKSPACE)):
        results = read_results(revision)
        assert results.metrics == found
        assert results.path("metrics", "test.a.accuracy") == "metrics/test/a.json"


def test_summaries_read_metrics_in_folders_of_many_commits(project, tmp_path):
    """Also where the same `dvc.yaml` has other files in them."""
    (tmp_path / "metrics/test").mkdir(parents=True)
    commits = []
    for name in ("a", "b"):
        write(f"metrics/test/{name}.json", '{"accuracy": 0.5}')
        declared = {"cmd": "run", "metrics": [{"metrics/test": {"cache": False}}]}
        locked = {"cmd": "run", "outs": [{"path": "metrics/test", "md5": f"{'0' * 32}.dir"}]}
        write("dvc.yaml", {"stages": {"test": declared}})
        write("dvc.lock", {"schema": "2.0", "stages": {"test": locked}})
        commits.append(project.commit())
    told = Study(name="s", headline={"test.{model}.accuracy": "{model}"})
    entries = read_entries(commits, told)
    assert [list(entry.metrics) for entry in entries] == [
        ["test.a.accuracy"],
        ["test.a.accuracy", "test.b.accuracy"],
    ]
    assert entries[1].origins["test.b.accuracy"].stages == {"test"}


def test_metrics_of_templated_stages_are_found(project):
    write("a.json", '{"loss": 1}')
    declared = {"cmd": "run", "metrics": ["${item}.json"]}
    write("dvc.yaml", {"stages": {"train": {"foreach": ["a"], "do": declared}}})
    assert read_results(resolve(WORKSPACE)).metrics == {"a.loss": 1}


def change_metric(project, before, after):
    """Results of two commits of a study that has nothing but a metric."""
    found = []
    for loss in (before, after):
        write("loss.json", json.dumps({"loss": loss}))
        project.stage("train", metrics=["loss.json"])
        found.append(read_results(project.commit()))
    return found


def test_a_study_without_predictions_is_compared_by_tolerance(project):
    tolerances = {"*": {"relative": 0.1}}
    settings = DiffSettings.model_validate({"tolerances": tolerances})
    before, after = change_metric(project, 1.0, 1.2)
    comparison = compare(before, after, settings)
    assert [metric.judgement for metric in comparison.metrics] == ["moved"]
    assert (comparison.status, comparison.problems) == (0, [])


def test_a_study_without_predictions_is_not_compared_when_its_metrics_are_stale(project):
    before, after = change_metric(project, 1.0, 1.2)
    write("loss.json", '{"loss": 0.1}')
    stale = read_results(resolve(WORKSPACE))
    assert compare(before, after, DEFAULTS).status == 0
    assert compare(before, stale, DEFAULTS).status == 2


def test_a_rerun_of_a_study_without_predictions_is_judged_by_tolerance(project):
    settings = DiffSettings.model_validate({"tolerances": {"*": {"relative": 0.1}}})
    before, after = change_metric(project, 1.0, 1.05)
    (check,) = compare_numbers(before, after, settings)
    assert (check.agrees, check.text) == (True, "loss.loss: 1.0, here 1.05: agrees")
    (check,) = compare_numbers(before, after, DEFAULTS)
    assert not check.agrees


def test_accuracies_without_stated_bounds_have_wilsons(project):
    write("predictions.csv", "label,prediction\n" + "a,a\n" * 9 + "a,b\n")
    project.stage("test", outs=["predictions.csv"])
    results = read_results(project.commit(), study(predictions="predictions.csv"))
    (check,) = compare_numbers(results, results, DEFAULTS)
    # 9 of 10 by Wilson: (0.9 + 1.92 / 10 ± 1.96 √(0.009 + 0.0096)) / 1.384
    assert check.text.startswith("predictions: test accuracy 0.9000 [0.5958, 0.9821], here 0.9000")


@pytest.mark.parametrize(
    ("pattern", "metrics", "name"),
    [
        ("{model}.csv", {"a": {"test": {"accuracy": 1}}}, "scores.a.test.accuracy"),
        ("{model}.csv", {"a": {"accuracy": 1}}, "scores.a.accuracy"),
        ("{model}.csv", {"other": 1}, "a.accuracy"),
        ("a.csv", {"accuracy": 1}, "scores.accuracy"),
    ],
)
def test_the_metric_of_a_models_predictions_is_found(project, pattern, metrics, name):
    write("a.csv", "label,prediction\nx,x\n")
    write("scores.json", json.dumps(metrics))
    project.stage("test", outs=["a.csv"], metrics=["scores.json"])
    outputs = study(predictions=pattern, test_metrics="scores.json")
    assert read_results(project.commit(), outputs).accuracies == {"a": name}


def test_the_metric_of_a_models_predictions_is_found_in_a_file_of_its_own(project, tmp_path):
    (tmp_path / "scores").mkdir()
    for model in "ab":
        write(f"{model}.csv", "label,prediction\nx,x\n")
        write(f"scores/{model}.json", '{"accuracy": 1, "low": 0.5, "high": 1}')
    project.stage("test", outs=["a.csv", "b.csv"], metrics=["scores/a.json", "scores/b.json"])
    outputs = study(predictions="{model}.csv", test_metrics="scores/{model}.json")
    results = read_results(project.commit(), outputs)
    assert results.accuracies == {"a": "scores.a.accuracy", "b": "scores.b.accuracy"}
    (first, _) = compare_numbers(results, results, DEFAULTS)
    assert first.text.startswith("a: test accuracy 1.0000 [0.5000, 1.0000], here 1.0000")


def test_predictions_of_a_commit_are_read_from_dvcs_cache(project, tmp_path):
    run("dvc init -q")
    write("predictions.csv", "label,prediction\n1,2\n")
    project.stage("test", outs=["predictions.csv"])
    digest = md5("predictions.csv")
    cached = tmp_path / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    cached.parent.mkdir(parents=True)
    (tmp_path / "predictions.csv").rename(cached)
    results = read_results(project.commit(), study(predictions="predictions.csv"))
    assert results.predictions["predictions"].to_dict("list") == {"label": [1], "prediction": [2]}


def test_outputs_in_a_folder_that_dvc_keeps_as_one_are_found(project, tmp_path):
    (tmp_path / "out").mkdir()
    write("out/a.csv", "label,prediction\nx,y\n")
    write("dvc.yaml", {"stages": {"test": {"cmd": "run", "outs": [{"out": {"cache": False}}]}}})
    locked = {"cmd": "run", "outs": [{"path": "out", "md5": f"{'a' * 32}.dir"}]}
    write("dvc.lock", {"schema": "2.0", "stages": {"test": locked}})
    assert list(
        read_results(project.commit(), study(predictions="out/{model}.csv")).predictions
    ) == ["a"]


def test_a_table_that_is_none_of_predictions_is_refused(project):
    write("a.csv", "truth,prediction\nx,x\n")
    project.stage("test", outs=["a.csv"])
    with pytest.raises(
        UserError, match=r"a\.csv of \w{7}: expected a column label, found truth, prediction"
    ):
        read_results(project.commit(), study(predictions="a.csv"))


def test_a_change_that_comes_with_other_inputs_further_up_is_judged(project):
    """The source differs, so the same inputs of the last stages are none."""
    found = []
    outputs = study(predictions="{model}.csv")
    for source, missed in (("a", 0), ("b", 20)):
        write("source.txt", source)
        write("data.txt", source)
        write("net.csv", "label,prediction\n" + "x,x\n" * (100 - missed) + "x,y\n" * missed)
        project.stage("prepare", deps=["source.txt"], outs=["data.txt"])
        project.stage("test", deps=["data.txt"], outs=["net.csv"])
        found.append(read_results(project.commit(), outputs))
    assert compare(*found, DEFAULTS).status == 1


def test_a_change_whose_inputs_differ_only_by_themselves_is_not_judged(project):
    """The data have other bytes from the same source, and the predictions follow from them."""
    found = []
    write("source.txt", "source")
    for data, missed in (("a", 0), ("b", 20)):
        write("data.txt", data)
        write("net.csv", "label,prediction\n" + "x,x\n" * (100 - missed) + "x,y\n" * missed)
        project.stage("prepare", deps=["source.txt"], outs=["data.txt"])
        project.stage("test", deps=["data.txt"], outs=["net.csv"])
        found.append(read_results(project.commit(), study(predictions="{model}.csv")))
    comparison = compare(*found, DEFAULTS)
    assert comparison.status == 0
    assert [metric.judgement for metric in comparison.metrics] == ["not judged"]
    assert "on a machine that was not noted" in comparison.notes[0]


def test_settings_are_those_by_default_where_a_study_has_none(project):
    assert settings_of(resolve(WORKSPACE)) == DEFAULTS
    write("params.yaml", "diff: {significance: 0.01}\n")
    assert settings_of(resolve(WORKSPACE)).significance == 0.01
    assert judge_tolerance("loss", 1.0, 1.1, DEFAULTS.tolerances) == "moved"


@pytest.mark.parametrize(
    ("shape", "dtype", "drawn"),
    [
        ((2, 5, 7), np.uint8, (5, 7)),
        ((2, 5, 7, 1), np.uint8, (5, 7)),
        ((2, 5, 7, 3), np.uint8, (5, 7)),
        ((2, 8, 8), float, (8, 8)),
    ],
)
def test_examples_are_images_of_any_shape_in_shades_of_grey(shape, dtype, drawn):
    images = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    found = parsing.examples(packed(images))
    assert list(found) == [3, 9]
    assert (found[3].shape, found[3].dtype) == (drawn, np.uint8)
    if dtype is float:
        assert (found[3].min(), found[9].max()) == (0, 255)
    elif shape[-1] == 3:
        np.testing.assert_array_equal(found[3], images[0].mean(axis=-1).astype(np.uint8))


def test_examples_that_are_no_images_are_not_drawn():
    assert parsing.examples(packed(np.zeros((2, 64)))) == {}


def packed(images):
    file = io.BytesIO()
    np.savez(file, x=images, index=[3, 9])
    return file.getvalue()


def test_classes_are_whatever_labels_and_predictions_name():
    before = parsing.table(b"label,prediction\ncat,cat\ndog,cat\n")
    after = parsing.table(b"label,prediction\ncat,cat\ndog,emu\n")
    classes, first, second = confusions(before, after)
    assert classes == ["cat", "dog", "emu"]
    assert first.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert second.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
