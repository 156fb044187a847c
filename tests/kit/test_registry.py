"""Registered models: which versions there are, and which of them is the champion."""

import sqlite3

import pytest

from tests.kit.hand_made import as_json, data_set, keras_file, origin, record, training
from tests.runs import store

NAME = "toy-dense"


def restore(tiny, *records):
    store = tiny.connect()
    for each in records:
        store.restore(each, origin())
    return tiny.written()


def test_one_version_for_a_model_of_the_same_bytes(tiny):
    trained = training(tiny.files)
    written = restore(tiny, trained, record(tiny.files, "again", outs=model_of(trained)))
    assert list(written.versions(NAME)) == [1]


def model_of(trained):
    path = "models/dense.keras"
    return {path: trained.open(path).read_bytes()}


def test_a_version_says_what_its_accuracy_is_of(tiny):
    trained = training(tiny.files, accuracy=0.75)
    tags = restore(tiny, trained).versions(NAME)[1].tags
    assert tags["val/accuracy"] == "0.75"
    assert tags["data.val.md5"] == trained.deps["data/val.npz"]


def test_the_accuracy_may_stand_in_a_file_of_the_models_own(tiny):
    """Its tag is called as if all models had one file: versions of before still compete."""
    before = training(tiny.files, accuracy=0.95)
    told = tiny.folder / "studykit.yaml"
    restore(tiny, before)
    told.write_text(told.read_text().replace("val.accuracy", "val.{model}.accuracy"))
    outs = {"models/dense.keras": keras_file("new"), "metrics/val/dense.json": as_json(accuracy=1)}
    deps = {"data/val.npz": data_set(b"val")}
    written = restore(tiny, record(tiny.files, "fit", deps=deps, outs=outs))
    assert written.versions(NAME)[2].tags["val/accuracy"] == "1"
    assert written.aliases(NAME) == {"champion": 2}


@pytest.fixture
def by_data(tiny):
    """The same where the parameters say which data set it is."""
    path = tiny.folder / "studykit.yaml"
    path.write_text(path.read_text().replace("registry: toy", "registry: ${data.name}"))
    return tiny


def of_data(name):
    return {"data": {"name": name}}


def test_models_of_two_data_sets_are_two_registered_models_and_do_not_compete(by_data):
    """Not even where the validation data are the same bytes."""
    written = restore(
        by_data,
        training(by_data.files, accuracy=0.9, values=of_data("toys")),
        training(by_data.files, accuracy=0.8, values=of_data("other")),
        training(by_data.files, accuracy=0.85, values=of_data("toys")),
    )
    assert sorted(written.versions("toys-dense")) == [1, 2]
    assert sorted(written.versions("other-dense")) == [1]
    assert written.aliases("toys-dense") == {"champion": 1}
    assert written.aliases("other-dense") == {"champion": 1}
    assert [line.partition(",")[0] for line in by_data.news] == [
        "MLflow: toys-dense version 1",
        "MLflow: other-dense version 1",
        "MLflow: toys-dense version 2",
    ]


def test_a_model_of_the_same_bytes_is_registered_for_each_data_set(by_data):
    trained = training(by_data.files, values=of_data("toys"))
    model = model_of(trained)
    again = record(by_data.files, "again", outs=model, values=of_data("other"))
    written = restore(by_data, trained, again)
    assert list(written.versions("toys-dense")) == list(written.versions("other-dense")) == [1]


def test_data_sets_are_called_by_the_parameter(by_data):
    restore(by_data, training(by_data.files, values=of_data("toys")))
    inputs = by_data.written().run("train_dense").inputs.dataset_inputs
    assert {given.dataset.name for given in inputs} == {"toys-train", "toys-val"}


@pytest.mark.parametrize(
    ("registry", "values", "prefix"),
    [
        pytest.param("toy", of_data("toys"), "toy", id="no parameter"),
        pytest.param("${data.name}", of_data("fashion-mnist"), "fashion-mnist", id="a parameter"),
        pytest.param("${data.name}", of_data(7), "7", id="a number"),
        pytest.param("a-${data.name}_${data.name}", of_data("b"), "a-b_b", id="among others"),
        pytest.param("${data.name}", of_data("a/b:'c'"), "a_b__c_", id="no name for MLflow"),
        pytest.param("${data.name}", {}, "tiny", id="none, from before there was one"),
        pytest.param("${data.name}", {"data": "toys"}, "tiny", id="another section"),
        pytest.param("${name}-1", {"name": "x"}, "x-1", id="outside of sections"),
    ],
)
def test_names_begin_with_what_the_parameters_say(tiny, registry, values, prefix):
    path = tiny.folder / "studykit.yaml"
    path.write_text(path.read_text().replace("registry: toy", f"registry: {registry}"))
    written = restore(tiny, training(tiny.files, values=values))
    assert list(written.versions(f"{prefix}-dense")) == [1]


def test_the_best_on_the_same_validation_data_is_the_champion(tiny):
    written = restore(
        tiny, *(training(tiny.files, accuracy=accuracy) for accuracy in (0.8, 0.9, 0.7, 0.9001))
    )
    assert written.aliases(NAME) == {"champion": 4}
    assert [line.partition(", ")[2] for line in tiny.news] == [
        "val/accuracy 0.8000, is the new champion",
        "val/accuracy 0.9000, is the new champion",
        "val/accuracy 0.7000; champion stays version 2 with 0.9000",
        "val/accuracy 0.9001, is the new champion",
    ]


def test_a_version_of_other_validation_data_does_not_take_the_champion(tiny):
    other = training(tiny.files, accuracy=1.0, val=b"three easy ones")
    written = restore(tiny, training(tiny.files, accuracy=0.9), other)
    own = f"champion-{other.deps['data/val.npz'][:8]}"
    assert written.aliases(NAME) == {"champion": 1, own: 2}
    assert tiny.news[-1] == (
        f"MLflow: toy-dense version 2, val/accuracy 1.0000, is the new {own}; "
        "it does not compete with the champion, which is of other validation data"
    )


def test_after_the_champion_was_deleted_the_best_of_all_that_are_left_is_chosen(tiny):
    written = restore(tiny, *(training(tiny.files, accuracy=a) for a in (0.8, 0.9, 0.95)))
    written.client.delete_model_version(NAME, "3")
    written = restore(tiny, training(tiny.files, accuracy=0.7))
    assert written.aliases(NAME) == {"champion": 2}
    assert "champion is version 2 with 0.9000" in tiny.news[-1]


def test_after_the_champion_was_deleted_other_data_do_not_take_its_place(tiny):
    written = restore(tiny, *(training(tiny.files, accuracy=a) for a in (0.8, 0.9)))
    written.client.delete_model_version(NAME, "2")
    written = restore(tiny, training(tiny.files, accuracy=1.0, val=b"easy"))
    assert "champion" not in written.aliases(NAME)
    assert tiny.connect().complete(training(tiny.files, accuracy=0.8)) == (
        ["alias champion of toy-dense"],
        [],
    )
    assert tiny.written().aliases(NAME)["champion"] == 1


def test_the_champion_can_be_given_to_other_data_by_hand(tiny):
    data = {"val": b"new"}
    written = restore(
        tiny, training(tiny.files, accuracy=0.9), training(tiny.files, accuracy=0.5, **data)
    )
    written.client.set_registered_model_alias(NAME, "champion", "2")
    written = restore(tiny, training(tiny.files, accuracy=0.6, **data))
    assert written.aliases(NAME)["champion"] == 3


def test_the_data_that_the_champion_belongs_to_have_no_second_alias(tiny):
    trained = training(tiny.files)
    written = restore(tiny, trained)
    own = f"champion-{trained.deps['data/val.npz'][:8]}"
    written.client.set_registered_model_alias(NAME, own, "1")
    tiny.connect().complete(trained)
    assert written.aliases(NAME) == {"champion": 1}


def test_a_champion_that_another_host_has_just_deleted_is_none(tiny, monkeypatch):
    trained = training(tiny.files)
    written = restore(tiny, trained)
    with sqlite3.connect(tiny.folder / "mlflow.db") as database:
        database.execute("UPDATE registered_model_aliases SET version = 7")
    tiny.connect().complete(trained)
    assert written.aliases(NAME) == {"champion": 1}


def test_a_users_own_version_is_left_alone(tiny):
    written = restore(tiny, training(tiny.files, accuracy=0.8))
    written.client.create_model_version(NAME, source="file:///elsewhere", tags={"mine": "yes"})
    written.client.set_registered_model_alias(NAME, "champion", "2")
    written = restore(tiny, training(tiny.files, accuracy=0.9))
    assert written.aliases(NAME)["champion"] == 2
    assert sorted(written.versions(NAME)) == [1, 2, 3]
    assert written.versions(NAME)[2].tags == {"mine": "yes"}


def test_a_model_without_an_accuracy_is_registered_and_does_not_compete(tiny):
    fitted = record(tiny.files, "fit", outs={"models/dense.keras": keras_file("fitted")})
    written = restore(tiny, fitted, training(tiny.files, accuracy=0.1))
    assert sorted(written.versions(NAME)) == [1, 2]
    assert written.aliases(NAME) == {"champion": 2}
    assert tiny.news[0].endswith("version 1, without val/accuracy: it does not compete")


def test_an_accuracy_that_is_no_number_does_not_compete(tiny):
    outs = {
        "models/dense.keras": keras_file("diverged"),
        "metrics/x.json": b'{"val": {"accuracy": NaN}}',
    }
    written = restore(tiny, record(tiny.files, "fit", outs=outs), training(tiny.files))
    assert written.aliases(NAME) == {"champion": 2}


def test_without_a_split_called_validation_all_data_count(tiny):
    def fit(accuracy, data):
        return record(
            tiny.files,
            "fit",
            deps={"data/all.npz": data},
            outs={
                "models/dense.keras": keras_file(f"{accuracy}"),
                "metrics/fit.json": as_json(val={"accuracy": accuracy}),
            },
        )

    written = restore(tiny, fit(0.5, b"one"), fit(0.6, b"other"), fit(0.7, b"one"))
    assert written.aliases(NAME)["champion"] == 3


@pytest.mark.slow
def test_a_training_that_is_repeated_adds_no_version(study):
    study("mnist-study sync")
    study("dvc repro --single-item --force train_dense")
    (version,) = store(study).client.search_model_versions("name = 'mnist-dense'")
    assert version.version in (1, "1")
    assert len(store(study).of("train_dense")) == 2


@pytest.mark.slow
def test_a_registered_model_is_bit_for_bit_the_one_that_evaluate_scored(study):
    study("mnist-study sync")
    study(
        """python - <<'END'
import mlflow, numpy as np, pandas as pd
from mnist_study.compute import configure
from mnist_study.scores import prediction
from imagesets import splits
from mnist_study.training.params import Compute
from studykit.params import load
configure(load(compute=Compute).compute)
mlflow.set_tracking_uri("sqlite:///mlflow.db")
test = splits.load("data/processed/test.npz")
for net in ("dense", "cnn"):
    wrote = pd.read_csv(f"plots/evaluate/{net}_predictions.csv", dtype={"confidence": "float32"})
    name = f"models:/mnist-{net}@champion"
    p = prediction.predict(mlflow.keras.load_model(name), test)
    assert (p.argmax(axis=1) == wrote["prediction"]).all()
    assert (p.max(axis=1) == wrote["confidence"]).all()
    x = test.x.astype("float64")  # as a server reads what it is sent
    answer = mlflow.pyfunc.load_model(name).predict(x)  # with TensorFlow's softmax
    assert (answer["class"].astype(int) == wrote["prediction"]).all()
    assert np.allclose(answer["confidence"], wrote["confidence"], rtol=0, atol=1e-6)
END"""
    )
