"""What a stage's run holds in MLflow."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from mlflow.artifacts import download_artifacts
from mlflow.models import Model

from studykit.records.stages import StageRecord
from studykit.tracking.store import Store
from tests.kit.hand_made import (
    HISTORY,
    STUDY,
    as_json,
    data_set,
    keras_file,
    origin,
    record,
    training,
)


def restore(tiny, stage_record):
    """Write a record to the store; give its run."""
    tiny.connect().restore(stage_record, origin())
    return tiny.written().run(stage_record.stage)


def known_by_dvc(tiny, run):
    """What a run's artefact says of its inputs, parameters and outputs."""
    path = tiny.written().client.download_artifacts(run.info.run_id, "dvc.json")
    return json.loads(Path(path).read_text())


def made(tiny, run):
    """Artefacts of a run but for what DVC knows it by."""
    return sorted(path for path in tiny.written().files(run) if path != "dvc.json")


def tell(tiny, old, new):
    """Change what the kit is told of the study."""
    path = tiny.folder / "studykit.yaml"
    path.write_text(path.read_text().replace(old, new))


def declare(tiny, stage, **outputs):
    """Say in `dvc.yaml` what a stage's outputs are."""
    pipeline = {"stages": {stage: {"cmd": "x", **outputs}}}
    (tiny.folder / "dvc.yaml").write_text(json.dumps(pipeline))  # JSON is YAML


def test_parameters_lose_the_stages_own_section_and_keep_others(tiny):
    params = {"train.rate": 0.1, "compute.seed": 0, "other.yaml:train.rate": 2}
    run = restore(tiny, record(tiny.files, "train@dense", params=params))
    assert run.data.params == {"rate": "0.1", "compute.seed": "0", "other.yaml:train.rate": "2"}


def test_more_inputs_and_parameters_than_mlflow_takes_at_once_are_logged(tiny):
    deps = {f"src/{number}.py": b"code" for number in range(150)}
    params = {f"section.{number}": number for number in range(150)}
    run = restore(tiny, record(tiny.files, "many", params=params, deps=deps))
    assert len(known_by_dvc(tiny, run)["deps"]) == 150
    assert len(run.data.params) == 150


def test_paths_that_mlflow_would_refuse_as_names_are_logged(tiny):
    outs = {"../models (old)/a+b@c.keras": keras_file()}
    tell(tiny, "models: models/", "models: ../models (old)/")
    run = restore(tiny, record(tiny.files, "read", outs=outs))
    tags = [key for key in run.data.tags if key.startswith("dvc.out.")]
    assert tags == ["dvc.out.../models _old_/a_b_c.keras"]
    assert list(known_by_dvc(tiny, run)["outs"]) == list(outs)


def test_only_the_md5s_that_runs_are_searched_by_are_tags(tiny):
    trained = training(tiny.files)
    run = restore(tiny, trained)
    found = {key: md5 for key, md5 in run.data.tags.items() if md5 in trained.outs.values()}
    assert found == {
        f"dvc.out.{path}": trained.outs[path]
        for path in ("models/dense.keras", "plots/train_dense/history.csv")
    }
    known = known_by_dvc(tiny, run)
    assert (known["stage"], known["key"]) == ("train_dense", trained.key)
    assert (known["deps"], known["outs"]) == (trained.deps, trained.outs)


def test_a_history_is_logged_by_epoch_and_as_a_file(tiny):
    run = restore(tiny, training(tiny.files))
    points = tiny.written().client.get_metric_history(run.info.run_id, "val/loss")
    assert [(point.step, point.value) for point in points] == [(1, 0.5), (2, 0.4)]
    assert "plots/train_dense/history.csv" in tiny.written().files(run)


def test_epochs_that_are_logged_already_are_not_logged_again(tiny):
    store = tiny.connect()
    trained = record(tiny.files, "train_dense", outs={"plots/train_dense/history.csv": HISTORY})
    run = store.start(trained, execution="now")
    store.log_history(run, [{"epoch": 1, "val/loss": 0.5, "images_per_second": 9}])
    store.log_outputs(run, trained, logged_epochs=[1])
    store.end(run, status="FINISHED", seconds=1.5)
    points = tiny.written().client.get_metric_history(run, "val/loss")
    assert [(point.step, point.value) for point in points] == [(1, 0.5), (2, 0.4)]
    assert tiny.written().run("train_dense").data.metrics["system/seconds"] == 1.5


def test_declared_metrics_are_logged_as_metrics_and_their_words_as_tags(tiny):
    declare(tiny, "judge", metrics=[{"scores/all.json": {"cache": False}}])
    outs = {"scores/all.json": as_json(a={"b": 1, "word": "yes", "list": [1]})}
    run = restore(tiny, record(tiny.files, "judge", outs=outs))
    assert run.data.metrics == {"a/b": 1}
    assert run.data.tags["a/word"] == "yes"
    assert made(tiny, run) == []


def test_json_that_is_declared_as_another_output_is_an_artefact(tiny):
    declare(tiny, "judge", outs=[{"told.json": {"cache": False}}])
    run = restore(tiny, record(tiny.files, "judge", outs={"told.json": as_json(a=1)}))
    assert run.data.metrics == {}
    assert made(tiny, run) == ["told.json"]


def test_what_only_dvcs_cache_holds_stays_there_unless_the_study_names_it(tiny):
    declare(tiny, "make", outs=["raw/large", "models/dense.keras"], plots=["p.png"])
    outs = {"raw/large": b"bytes", "models/dense.keras": keras_file(), "p.png": b"picture"}
    run = restore(tiny, record(tiny.files, "make", outs=outs))
    assert made(tiny, run) == ["p.png"]
    assert len(run.outputs.model_outputs) == 1


def test_a_folder_is_logged_file_by_file(tiny):
    outs = {
        "plots/train_dense": {"history.csv": HISTORY, "deep/curve.png": b"picture"},
        "models": {"dense.keras": keras_file()},
    }
    run = restore(tiny, record(tiny.files, "train", outs=outs))
    assert made(tiny, run) == [
        "plots/train_dense/deep/curve.png",
        "plots/train_dense/history.csv",
    ]
    assert run.data.metrics["val/loss"] == 0.4
    assert len(run.outputs.model_outputs) == 1
    assert known_by_dvc(tiny, run)["outs"]["models"].endswith(".dir")


def test_data_sets_have_names_splits_and_shapes_from_their_files(tiny):
    run = restore(tiny, training(tiny.files))
    inputs = {given.dataset.name: given for given in run.inputs.dataset_inputs}
    assert {name: given.tags[0].value for name, given in inputs.items()} == {
        "toy-train": "training",
        "toy-val": "validation",
    }
    schema = json.loads(inputs["toy-val"].dataset.schema)["mlflow_tensorspec"]
    assert schema["features"][0]["tensor-spec"] == {
        "dtype": "uint8",
        "shape": [-1, 4, 4],
    }
    assert "int64" in str(schema["targets"])


def test_a_data_set_of_another_format_is_known_by_its_md5_alone(tiny):
    run = restore(tiny, record(tiny.files, "train", deps={"data/train.npz": b"no archive"}))
    (given,) = run.inputs.dataset_inputs
    assert given.dataset.digest == known_by_dvc(tiny, run)["deps"]["data/train.npz"]
    assert not given.dataset.schema


def test_a_keras_model_has_its_bytes_and_the_signature_that_they_hold(tiny):
    trained = training(tiny.files)
    (output,) = restore(tiny, trained).outputs.model_outputs
    folder = download_artifacts(artifact_uri=f"models:/{output.model_id}", tracking_uri=tiny.uri)
    stored = Path(folder, "data", "model.keras").read_bytes()
    assert stored == trained.open("models/dense.keras").read_bytes()
    layout = Model.load(folder)
    (x,), (p,) = layout.signature.inputs.inputs, layout.signature.outputs.inputs
    assert (x.type, x.shape) == (np.dtype("float64"), (-1, 4, 4, 1))  # checked when it is served
    assert (p.type, p.shape) == (np.dtype("float32"), (-1, 3))
    example = layout.load_input_example(folder)
    first = np.load(trained.open("data/val.npz"))["x"][:1, ..., np.newaxis]
    assert (example == first).all()


def test_a_model_of_another_format_is_logged_and_registered_as_the_file_that_it_is(tiny):
    tell(tiny, ".keras", ".joblib")
    run = restore(tiny, record(tiny.files, "fit", outs={"models/tree.joblib": b"pickled"}))
    (output,) = run.outputs.model_outputs
    stored = list((tiny.folder / "mlartifacts").rglob(f"{output.model_id}/**/tree.joblib"))
    assert [file.read_bytes() for file in stored] == [b"pickled"]
    assert tiny.written().versions("toy-tree")[1].source == f"models:/{output.model_id}"


def test_a_training_run_shows_its_test_metrics_and_pictures(tiny):
    trained = training(tiny.files)
    model = {"models/dense.keras": trained.open("models/dense.keras").read_bytes()}
    scores = as_json(dense={"test": {"accuracy": 0.75}}, other={"a": 1})
    tested = record(tiny.files, "test", deps=model, outs={"metrics/test.json": scores})
    pictures = {"figures/dense/curves.png": b"1", "figures/dense/x/y.png": b"2", "all.png": b"3"}
    history = {"plots/train_dense/history.csv": HISTORY}
    drawn = record(tiny.files, "draw", deps=history, outs=pictures)
    store = tiny.connect()
    for each in (trained, tested, drawn):
        store.restore(each, origin())
    run = tiny.written().run("train_dense")
    assert run.data.metrics["test_accuracy"] == 0.75
    shown = [path for path in tiny.written().files(run) if path.endswith(".png")]
    assert sorted(shown) == ["figures/dense/curves.png", "figures/dense/x/y.png"]


def test_metrics_of_a_file_a_model_are_told_apart_and_say_what_they_are_of(tiny):
    """Without what the run is of: the stage's name, or the model's."""
    tell(tiny, "metrics/test.json", "'metrics/test/{model}.json'")
    stages = {
        "train_dense": {"cmd": "x", "metrics": ["metrics/val/dense.json"]},
        "test": {"cmd": "x", "metrics": ["metrics/test"]},
    }
    (tiny.folder / "dvc.yaml").write_text(json.dumps({"stages": stages}))
    outs = {
        "models/dense.keras": keras_file("x"),
        "plots/train_dense/history.csv": HISTORY,
        "metrics/val/dense.json": as_json(accuracy=0.9, best_epoch=1),
    }
    trained = record(tiny.files, "train_dense", outs=outs)
    scores = {
        "dense.json": as_json(accuracy=0.75, low=0.7),
        "a_minus_b.json": as_json(accuracy=0.1),
    }
    model = {"models/dense.keras": outs["models/dense.keras"]}
    tested = record(tiny.files, "evaluate", deps=model, outs={"metrics/test": scores})
    store = tiny.connect()
    for each in (trained, tested):
        store.restore(each, origin())
    assert tiny.written().run("train_dense").data.metrics == {
        "val/accuracy": 0.9, "val/loss": 0.4, "val/best_epoch": 1,
        "test_accuracy": 0.75, "test_low": 0.7,
    }  # fmt: skip
    assert tiny.written().run("evaluate").data.metrics == {
        "test/dense/accuracy": 0.75, "test/dense/low": 0.7, "test/a_minus_b/accuracy": 0.1,
    }  # fmt: skip


def test_pictures_in_an_output_that_is_a_folder_are_shown_by_name(tiny):
    tell(tiny, "figures/{model}", "'figures/{model}_*.png'")
    drawn = record(
        tiny.files,
        "draw",
        deps={"plots/train_dense/history.csv": HISTORY},
        outs={"figures": {"dense_curves.png": b"1", "cnn_curves.png": b"2"}},
    )
    store = tiny.connect()
    for each in (training(tiny.files), drawn):
        store.restore(each, origin())
    shown = list(tiny.written().files(tiny.written().run("train_dense"), "figures"))
    assert shown == ["figures/dense_curves.png"]


def test_pictures_of_another_history_are_not_shown(tiny):
    store = tiny.connect()
    store.restore(training(tiny.files), origin())
    deps = {"plots/train_dense/history.csv": b"epoch,val/loss\n1,3\n"}
    outs = {"figures/dense/curves.png": b"1"}
    store.restore(record(tiny.files, "draw", deps=deps, outs=outs), origin())
    files = tiny.written().files(tiny.written().run("train_dense"))
    assert "figures/dense/curves.png" not in list(files)


def test_pictures_that_are_drawn_again_replace_the_old_ones_and_restored_ones_do_not(tiny):
    def draw(picture):
        deps = {"plots/train_dense/history.csv": HISTORY}
        return record(tiny.files, "draw", deps=deps, outs={"figures/dense/curves.png": picture})

    store = tiny.connect()
    store.restore(training(tiny.files), origin())
    run = store.start(draw(b"old"), execution="now")
    for picture in (b"old", b"new"):
        store.log_outputs(run, draw(picture))
    store.end(run, status="FINISHED")
    store.restore(draw(b"older"), origin())
    trained = tiny.written().run("train_dense").info.run_id
    shown = tiny.written().client.download_artifacts(trained, "figures/dense/curves.png")
    assert Path(shown).read_bytes() == b"new"


def test_an_output_that_is_not_to_be_had_is_known_by_its_md5_alone(tiny):
    drawn = record(tiny.files, "draw", outs={"a.png": b"1"}, lacking=["a.png"])
    assert tiny.connect().restore(drawn, origin()) == ["a.png"]
    run = tiny.written().run("draw")
    assert known_by_dvc(tiny, run)["outs"]["a.png"] == drawn.outs["a.png"]
    assert made(tiny, run) == []


def test_a_data_set_is_not_uploaded(tiny):
    run = restore(tiny, record(tiny.files, "split", outs={"data/train.npz": data_set()}))
    assert made(tiny, run) == []
    assert not list((tiny.folder / "mlartifacts").rglob("*.npz"))


def test_runs_that_begin_at_once_share_their_new_data_sets(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{tiny.uri}?timeout=60")
    hosts = [tmp_path / "a", tmp_path / "b"]
    for host in hosts:
        host.mkdir()
        (host / "studykit.yaml").write_text(STUDY)
    stores = [Store.connect(host) for host in hosts]
    at_once = threading.Barrier(len(stores), timeout=60)

    def begin(connected, digest):
        data = {f"data/{split}.npz": digest for split in ("train", "val")}
        at_once.wait()
        return connected.start(
            StageRecord("train", {}, data, {}, open=lambda path: None), execution=digest
        )

    client = tiny.written().client
    with ThreadPoolExecutor(len(stores)) as threads:
        for digest in map(str, range(20)):
            runs = list(threads.map(begin, stores, [digest] * len(stores)))
            for connected, run in zip(stores, runs, strict=True):
                assert len(client.get_run(run).inputs.dataset_inputs) == 2
                connected.end(run, status="FINISHED")
