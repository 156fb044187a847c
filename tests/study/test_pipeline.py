"""The whole pipeline, small, through real DVC and a real MLflow store."""

import json
import os
import sqlite3

import numpy as np

from studykit.records import trees
from studykit.records.stages import record_from_workspace


def test_everything_that_the_pipeline_declares_is_there(tiny_repro):
    status = tiny_repro.study("dvc status --json")
    assert json.loads(status.stdout) == {}


def test_a_second_repro_runs_nothing(tiny_repro):
    output = tiny_repro.study("dvc repro").stdout
    assert "Running stage" not in output
    assert "up to date" in output


def test_start_up_noise_is_not_output(tiny_repro):
    assert "oneDNN" not in tiny_repro.output
    assert "WARNING" not in tiny_repro.output
    assert "alembic" not in tiny_repro.output


def test_a_log_has_one_line_per_epoch(tiny_repro):
    lines = [line for line in tiny_repro.output.splitlines() if line.startswith("epoch")]
    assert [line.split()[1] for line in lines] == ["1/2", "2/2", "1/1"]


def test_splits_hold_all_images(tiny_repro):
    sizes = {}
    for split in ("train", "val", "test"):
        with np.load(tiny_repro.study.root / f"data/processed/{split}.npz") as arrays:
            assert arrays["x"].dtype == np.uint8
            sizes[split] = len(arrays["y"])
    assert sizes == {"train": 255, "val": 45, "test": 100}


def test_metrics_and_plots_are_in_git_and_data_and_models_are_not(tiny_repro):
    ignored = "data/processed/train.npz models/dense.keras report/index.html"
    assert tiny_repro.study(f"git check-ignore {ignored}").stdout.split() == ignored.split()
    kept = "metrics/test/cnn.json plots/train_cnn/history.csv dvc.lock"
    assert tiny_repro.study(f"git check-ignore {kept}", check=False).stdout == ""


def test_dvc_reads_metrics_and_plots(tiny_repro):
    shown = json.loads(tiny_repro.study("dvc metrics show --json").stdout)
    files = shown[""]["data"]
    assert set(files) == {
        *(f"metrics/preprocess/{split}.json" for split in ("train", "val", "test")),
        *(f"metrics/{kind}/{net}.json" for kind in ("val", "test") for net in ("dense", "cnn")),
        *(f"metrics/replicate/{net}.json" for net in ("dense", "cnn")),
        "metrics/test/pairs/cnn_minus_dense.json",
    }
    assert 0 <= files["metrics/test/dense.json"]["data"]["accuracy"] <= 1
    plots = tiny_repro.study("dvc plots show --json").stdout
    assert {"dense_accuracy", "cnn_loss", "cnn_confusion"} <= set(
        json.loads(plots)["data"] or plots
    )


def test_each_stage_has_one_finished_run_under_one_parent(tiny_repro):
    with sqlite3.connect(tiny_repro.study.root / "mlflow.db") as database:
        rows = database.execute(
            "select t.value, r.status, p.value from runs r"
            " join tags t on t.run_uuid = r.run_uuid and t.key = 'dvc.stage'"
            " join tags p on p.run_uuid = r.run_uuid and p.key = 'mlflow.parentRunId'"
        ).fetchall()
        parents = database.execute(
            "select r.run_uuid, r.status from runs r"
            " join tags t on t.run_uuid = r.run_uuid and t.key = 'kind' and t.value = 'pipeline'"
        ).fetchall()
    stages = ["cnn", "dense", "evaluate", "fetch", "preprocess", "replicate", "report"]
    assert sorted(stage.removeprefix("train_") for stage, _, _ in rows) == stages
    assert {status for _, status, _ in rows} == {"FINISHED"}
    assert [(parent, "FINISHED") for parent in {row[2] for row in rows}] == parents


def test_a_record_reads_a_file_again_only_when_it_has_changed(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(trees, "md5", lambda path: read.append(path.name) or len(read))
    (tmp_path / "dvc.yaml").write_text("stages: {a: {cmd: run, deps: [in], outs: [out]}}")
    (tmp_path / "params.yaml").write_text("{}")
    for name in ("in", "out"):
        (tmp_path / name).write_text("before")
    first = record_from_workspace("a", tmp_path)
    assert record_from_workspace("a", tmp_path).key == first.key
    assert read == ["in", "out"]
    (tmp_path / "out").write_text("behind")  # as long as it was
    os.utime(tmp_path / "out", (1, 1))
    changed = record_from_workspace("a", tmp_path)
    assert read == ["in", "out", "out"]
    assert (changed.deps, changed.outs) == (first.deps, {"out": 3})
