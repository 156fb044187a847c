"""The table of runs in MLflow: what a row says, and which rows, columns and charts there are."""

import json
from pathlib import Path

import pytest

from studykit.study import Study
from studykit.tracking import changes, provenance
from studykit.tracking.store import tables
from studykit.tracking.store.view import TAG
from tests.kit.hand_made import as_json, origin, record, training

HEADLINE = """\
headline:
  test.{model}.accuracy: "{model} test accuracy"
  train_{model}.val.accuracy: "{model} val accuracy"
"""


@pytest.fixture
def headed(tiny):
    """The same, with a study that says which metrics come first."""
    path = tiny.folder / "studykit.yaml"
    path.write_text(path.read_text() + HEADLINE)
    return tiny


def judged(tiny, trained, *, accuracy=0.75, **further):
    """The record of a stage that has tested the model of a training."""
    model = {"models/dense.keras": trained.open("models/dense.keras").read_bytes()}
    scores = {"accuracy": accuracy, "accuracy_low": 0.7, "accuracy_high": 0.8} | further
    deps = model | {"data/test.npz": b"no archive"}
    return record(tiny.files, "test", deps=deps, outs={"metrics/test.json": as_json(dense=scores)})


def of_experiment(name, *, commit="c" * 40, stages=(), **params):
    """Where a restored run of an experiment comes from that changes all of these parameters."""
    return provenance.restored(
        name, commit=commit, time=1_700_000_000_000, experiment=name, baseline="b" * 40,
        params=params, changed=params, stages=[each.key for each in stages],
    )  # fmt: skip


def test_a_row_has_the_results_of_a_stage_and_of_those_that_it_rests_on(headed):
    trained = training(headed.files, accuracy=0.9)
    store = headed.connect()
    store.restore(trained, origin("a" * 40))  # ran before, in another execution
    store.restore(
        judged(headed, trained), of_experiment("ample-ball", units=20), upstream=[trained]
    )
    rows = {row.info.run_name: row for row in headed.written().runs("pipeline")}
    row = rows["units=20 · ample-ball"]
    assert row.data.metrics == {"dense test accuracy": 0.75, "dense val accuracy": 0.9}
    assert row.data.params == {"units": "20"}
    assert row.data.tags["changed"] == "units=20"
    assert row.data.tags["mlflow.note.content"] == (
        "dense test accuracy 0.75 (0.7 to 0.8), dense val accuracy 0.9. Changed against bbbbbbb: "
        "units=20. `dvc exp apply ample-ball` brings it into the workspace."
    )
    assert sorted(given.dataset.name for given in row.inputs.dataset_inputs) == [
        "toy-test", "toy-train", "toy-val",
    ]  # fmt: skip
    (model,) = headed.written().run("train_dense").outputs.model_outputs
    assert [output.model_id for output in row.outputs.model_outputs] == [model.model_id]


def test_a_row_has_no_results_of_a_stage_whose_inputs_have_changed_since(headed):
    trained = training(headed.files)
    headed.connect().restore(judged(headed, trained), origin(), upstream=None)
    (row,) = headed.written().runs("pipeline")
    assert row.data.metrics == {}
    assert row.data.tags["mlflow.note.content"] == "No result yet. Of commit ccccccc."


def test_what_dvc_does_not_know_how_long_it_took_has_no_duration(tiny):
    tiny.connect().restore(training(tiny.files), origin())
    written = [*tiny.written().runs(), *tiny.written().runs("pipeline")]
    assert [run.info.end_time for run in written] == [None, None]
    assert {run.info.status for run in written} == {"FINISHED"}


def test_a_stage_that_was_up_to_date_joins_the_row_of_those_that_ran(headed):
    trained = training(headed.files)
    later = judged(headed, trained)
    store = headed.connect()
    live = of_experiment("live", stages=[], units=20)
    store.restore(trained, live)  # stands for a run that was executed
    store.restore(later, of_experiment("x", commit="d" * 40, stages=[trained, later], units=20))
    (row,) = headed.written().runs("pipeline")
    assert {run.data.tags["mlflow.parentRunId"] for run in headed.written().runs()} == {
        row.info.run_id
    }


@pytest.mark.parametrize(
    ("params", "others"),
    [
        pytest.param({"units": 30}, [], id="other parameters"),
        pytest.param(
            {"units": 20}, ["another stage"], id="a stage that the revision has otherwise"
        ),
    ],
)
def test_a_stage_joins_no_row_of_another_state(headed, params, others):
    trained = training(headed.files)
    later = judged(headed, trained)
    store, live = headed.connect(), of_experiment("live", units=20)
    for each in (trained, *(record(headed.files, name) for name in others)):
        store.restore(each, live)
    stages = [trained, later]
    store.restore(later, of_experiment("x", commit="d" * 40, stages=stages, **params))
    assert len(headed.written().runs("pipeline")) == 2


def test_a_workspace_with_other_results_is_another_row(headed):
    store = headed.connect()
    for accuracy in (0.5, 0.6):
        trained = training(headed.files, accuracy=accuracy)
        where = provenance.restored("workspace", commit=None, stages=[trained.key])
        store.restore(trained, where)
    rows = headed.written().runs("pipeline")
    assert sorted(row.data.metrics["dense val accuracy"] for row in rows) == [0.5, 0.6]


@pytest.mark.parametrize(
    ("execution", "changed", "name"),
    [
        ("main 1234567", {}, "main 1234567"),
        ("ample-ball", {"a.b": 20, "a.c": [1, 2]}, "a.b=20, a.c=[1, 2] · ample-ball"),
        ("mnist,a.b=20-dce221f", {"a.b": 20}, "a.b=20 · dce221f"),
        ("x", dict.fromkeys("abcde", 1), "a=1, b=1, c=1 and 2 more · x"),
    ],
)
def test_an_execution_is_called_by_what_it_changes(execution, changed, name):
    assert changes.name(execution, changed) == name


def test_a_version_says_what_it_is_how_good_and_how_to_use_it(headed):
    trained = training(headed.files, accuracy=0.9)
    store = headed.connect()
    for each in (trained, judged(headed, trained)):
        store.restore(each, origin())
    version = headed.written().versions("toy-dense")[1]
    assert version.description.splitlines() == [
        "toy, dense: test accuracy 0.75 (0.7 to 0.8), val accuracy 0.9.",
        "",
        'Load it: `mlflow.pyfunc.load_model("models:/toy-dense/1")`.',
        "",
        "Serve it: `mlflow models serve -m models:/toy-dense/1 --env-manager local -p 5001`.",
    ]
    assert headed.written().run("train_dense").data.tags["mlflow.note.content"] == (
        "test accuracy 0.75 (0.7 to 0.8), val accuracy 0.9. Of commit ccccccc."
    )
    assert "models:/toy-dense@champion" in (
        headed.written().client.get_registered_model("toy-dense").description
    )


CLASSES = {str(number): number / 100 for number in range(47)}


def test_values_of_many_classes_are_a_table_and_no_charts(headed):
    trained = training(headed.files)
    test = judged(headed, trained, precision=CLASSES, recall=CLASSES, few={"a": 1, "b": 2})
    (headed.folder / "dvc.yaml").write_text(
        json.dumps({"stages": {"test": {"cmd": "x", "metrics": ["metrics/test.json"]}}})
    )
    store = headed.connect()
    for each in (trained, test):
        store.restore(each, origin())
    run, training_run = (headed.written().run(stage) for stage in ("test", "train_dense"))
    assert set(run.data.metrics) == {
        "dense/accuracy", "dense/accuracy_low", "dense/accuracy_high", "dense/few/a", "dense/few/b",
    }  # fmt: skip
    assert {"accuracy", "few_a"} < set(training_run.data.metrics)
    for each, path in (
        (run, "metrics/test/dense.precision-recall.csv"),
        (training_run, "metrics/test/precision-recall.csv"),
    ):
        file = headed.written().client.download_artifacts(each.info.run_id, path)
        lines = Path(file).read_text("utf-8").splitlines()
        assert (len(lines), lines[0], lines[3]) == (48, "key,precision,recall", "2,0.02,0.02")


def test_a_table_keeps_nothing_that_comes_first():
    content = {"test": CLASSES | {"accuracy": 1}, "val": CLASSES, "flat": 1}
    values, found = tables.divide(content, lambda path, inside: "accuracy" in inside)
    assert values == {f"test/{key}": value for key, value in content["test"].items()} | {"flat": 1}
    assert list(found) == ["val"]


def test_the_page_shows_a_row_an_execution_the_best_first_and_what_differs(headed):
    store = headed.connect()
    for units, accuracy in ((20, 0.8), (30, 0.9), (40, 0.7)):
        trained = training(headed.files, accuracy=accuracy)
        where = of_experiment(f"e{units}", commit=f"{units:040}", units=units, depth=2)
        store.restore(trained, where)
        test = judged(headed, trained, accuracy=0.5)
        store.restore(test, where, upstream=[trained])
    uri, page = store.save_view()
    experiment = headed.written().experiment
    state = json.loads(experiment.tags[TAG])
    assert uri.startswith(f"{headed.uri}?")
    assert page.startswith(
        f"/#/experiments/{experiment.experiment_id}/runs?viewStateShareKey=results"
    )
    assert state["selectedColumns"][:3] == [
        "metrics.`dense test accuracy`", "metrics.`dense val accuracy`", "attributes.`Dataset`",
    ]  # fmt: skip
    assert [each for each in state["selectedColumns"] if each.startswith("params")] == [
        "params.`units`"  # not what is the same everywhere
    ]
    rows = headed.written().client.search_runs(
        [experiment.experiment_id],
        state["searchFilter"],
        order_by=[f"{state['orderByKey']} {'ASC' if state['orderByAsc'] else 'DESC'}"],
    )
    assert [row.data.params["units"] for row in rows] == ["30", "20", "40"]
    parallel = state["compareRunCharts"][0]
    assert (parallel["type"], parallel["selectedParams"]) == ("PARALLEL", ["units"])
    assert store.save_view() == (uri, page)


def test_what_is_near_a_headline_is_none():
    study = Study(name="s", headline={"evaluate.{model}.accuracy": "a", "train_{model}.val": "b"})
    files = {
        name: study.may_be_headline(name) for name in ("evaluate", "train_cnn", "train", "val")
    }
    assert files == {"evaluate": True, "train_cnn": True, "train": False, "val": False}
