"""A registered net served by MLflow's own server: images and pictures are read, others refused."""

import base64
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from netserve.serving import RefusedError, Served
from tests.model_server import serve_champion


def encode(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


IMAGES = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1)).tolist()
BLACK_AND_WHITE = (np.array(IMAGES[0]) > 127).astype(int)
MARK = "7654321"  # a pixel's value that would be seen in an answer
WRONG = {
    "floats from 0 to 1": (
        [IMAGES[0], (np.array(IMAGES[1]) / 255).round(3).tolist()],
        "image 1: expected whole numbers from 0 to 255, as they are in the data, received 0.",
    ),
    "zeros and ones": (
        [IMAGES[0], BLACK_AND_WHITE.tolist()],
        "image 1: expected whole numbers from 0 to 255, as they are in the data, received none "
        "above 1; the model scales them itself",
    ),
    "out of range": ((np.array(IMAGES) + 256).tolist(), "expected whole numbers from 0 to 255"),
    "no number": ([[[[float("nan")]] * 28] * 28], "received nan"),
    "true and false": (BLACK_AND_WHITE[None].astype(bool).tolist(), "received values of type bool"),
    "null": ([[[[None]] * 28] * 28], "received values of type NoneType"),
    "numbers as text": ([[[[MARK]] * 28] * 28], "received values of type str"),
    "one image, no list": (IMAGES[0], "expected images of 28 × 28 × 1"),
    "without channels": (np.array(IMAGES)[..., 0].tolist(), "received images of 28 × 28"),
    "smaller": (np.array(IMAGES)[:, 1:].tolist(), "received images of 27 × 28 × 1"),
    "of two sizes": ([IMAGES[0], IMAGES[1][1:]], "received a list without such a shape"),
    "a number": (int(MARK), "received a list without such a shape"),
    "too many": ([[[[1]]]] * 10_001, "at most 10,000 images in a request, received 10,001"),
    "no base64": (["*" + MARK], "picture 0: expected base64, received other text"),
    "another file": (
        [base64.b64encode(MARK.encode()).decode()],
        "picture 0: expected a picture (BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP), received another",
    ),
    "a blank picture": (
        [encode(np.zeros((20, 20), np.uint8))],
        "picture 0: expected something drawn, received a blank picture",
    ),
    "two objects": (
        [encode(np.kron([[0, 9, 0, 9, 0]], np.full((99, 20), 20)).astype(np.uint8))],
        "picture 0: expected one object, found 2",
    ),
    "images and pictures": ([IMAGES[0], MARK], "received a list without such a shape"),
}  # fmt: skip


@pytest.fixture(scope="module")
def ask(tiny_repro, tmp_path_factory):
    """Function from a request's content to the status and the answer of a server."""
    study = tiny_repro.study.copy(tmp_path_factory.mktemp("served") / "study")
    study("mnist-study sync")
    with serve_champion(study) as ask:
        ask.study = study
        yield ask


@pytest.fixture
def tests_of(ask):
    """Test images, and the classes and confidence that evaluate found."""
    with np.load(ask.study.root / "data/processed/test.npz") as arrays:
        x = arrays["x"]
    path = ask.study.root / "plots/evaluate/cnn_predictions.csv"
    _, found, confidence = np.loadtxt(path, delimiter=",", skiprows=1, unpack=True)
    return SimpleNamespace(x=x, found=found.astype(int).astype(str), confidence=confidence)


@pytest.mark.slow
def test_images_get_the_answers_of_evaluate(ask, tests_of):
    status, answer = ask({"instances": tests_of.x.tolist()})
    assert status == 200, answer
    rows = answer["predictions"]
    assert [row["class"] for row in rows] == tests_of.found.tolist()
    confidence = [row["confidence"] for row in rows]
    np.testing.assert_allclose(confidence, tests_of.confidence, rtol=0, atol=1e-6)
    for row in rows:
        assert list(row["probabilities"]) == list("0123456789")
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert row["probabilities"][row["class"]] == row["confidence"]
    assert ask({"inputs": tests_of.x[:3].tolist()}) == (200, {"predictions": rows[:3]})


@pytest.mark.slow
def test_a_picture_in_base64_is_prepared_as_predict_does(ask, tests_of):
    study = ask.study
    page = 255 - np.pad(tests_of.x[0, ..., 0], ((30, 10), (5, 40)))
    Image.fromarray(page).save(study.root / "page.png")
    status, answer = ask({"instances": [encode(page), encode(page)]})
    assert status == 200, answer
    predicted = study("mnist-study predict page.png --net cnn --format json").stdout
    (row,) = json.loads(predicted)
    assert [each["class"] for each in answer["predictions"]] == [row["answer"]] * 2
    assert answer["predictions"][0]["confidence"] == pytest.approx(row["confidence"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_input_is_refused_with_a_reason_and_without_its_pixels(ask, name):
    content, said = WRONG[name]
    for key in ("instances", "inputs"):
        status, answer = ask({key: content})
        assert status == 400
        assert said in answer["message"]
        assert len(answer["message"]) < 200
        assert MARK not in json.dumps(answer)
        assert "Failed to predict data" not in answer["message"]


@pytest.mark.slow
def test_mlflow_loads_and_predicts_without_a_server(ask, tests_of):
    study = ask.study
    (study.root / "two.json").write_text(json.dumps({"inputs": tests_of.x[:2].tolist()}))
    command = "mlflow models predict -m models:/mnist-cnn@champion --env-manager local -i two.json"
    done = study(f"{command} -o answer.json", **ask.variables)
    rows = json.loads(study.read("answer.json"))["predictions"]
    assert [row["class"] for row in rows] == tests_of.found[:2].tolist(), done.stderr
    packages = study.root.glob("mlartifacts/models/*/artifacts/requirements.txt")
    named = {line.partition("==")[0] for line in next(packages).read_text().splitlines()}
    assert named == {"keras", "tensorflow", "numpy", "mlflow", "pillow", "scipy"}


def test_a_refusal_keeps_its_message_whatever_mlflow_puts_before_it():
    error = RefusedError("expected this")
    error.message = "Failed to predict data '[[1, 2]]'. Error: expected this"
    assert error.message == "expected this"
    assert json.loads(error.serialize_as_json())["message"] == "expected this"
    assert error.get_http_status_code() == 400


def test_classes_are_numbers_where_the_data_do_not_name_them():
    net = SimpleNamespace(
        shape=(1, 1, 1),
        dtype=np.dtype("float32"),
        units=2,
        probabilities=lambda images: np.array([[0.25, 0.75]] * len(images), np.float32),
    )
    answer = Served(net).predict(np.array([[[[0.5]]]]))
    assert answer.to_dict("records") == [
        {"class": "1", "confidence": 0.75, "probabilities": {"0": 0.25, "1": 0.75}}
    ]
    named = Served(net, classes=["cat", "dog"])
    assert named.predict(np.empty((0, 1, 1, 1))).empty
    assert named.predict(np.array([[[[0.5]]]]))["class"].tolist() == ["dog"]
