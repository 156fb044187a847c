"""`mnist-study predict` and `export`, run as a user runs them, on the tiny study."""

import csv
import io
import json
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture
def test_images(study):
    """The test images of the tiny study: uint8 (n, height, width)."""
    with np.load(study.root / "data/processed/test.npz") as arrays:
        return arrays["x"][..., 0]


def predictions(study, net):
    path = study.root / f"plots/evaluate/{net}_predictions.csv"
    return np.loadtxt(path, delimiter=",", skiprows=1)


@pytest.mark.slow
def test_a_folder_of_the_data_s_own_images_gets_the_answers_of_evaluate(study, test_images):
    for number, image in enumerate(test_images[:30]):
        write(study.root / f"own/{number:02}.png", image)
    (study.root / "own/notes.txt").write_text("no picture")
    done = study("mnist-study predict own --as-is --format csv --show sheet.png")
    assert done.stderr == ""  # nothing of TensorFlow's
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["picture"] for row in rows[:4]] == ["own/00.png"] * 2 + ["own/01.png"] * 2
    for net in ("dense", "cnn"):
        own = [row for row in rows if row["net"] == net]
        expected = predictions(study, net)[:30]
        assert [int(row["answer"]) for row in own] == expected[:, 1].astype(int).tolist()
        confidence = [float(row["confidence"]) for row in own]
        np.testing.assert_allclose(confidence, expected[:, 2], rtol=0, atol=1e-6)
    with Image.open(study.root / "sheet.png") as sheet:
        assert np.asarray(sheet.convert("L"))[12:124, 12:124].std() > 10


@pytest.mark.slow
def test_what_cannot_be_read_is_told_in_a_line_and_the_rest_is_read(study, test_images):
    page = np.pad(test_images[0], 20)
    write(study.root / "pictures/a.png", page)
    write(study.root / "pictures/b.png", np.zeros((20, 20), np.uint8))
    (study.root / "pictures/c.png").write_text("hello")
    command = "mnist-study predict pictures nothing.png - --format json < pictures/a.png"
    done = study(command, check=False)
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "error: pictures/b.png: expected something drawn, received a blank picture",
        "error: pictures/c.png: expected a picture (BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP), "
        "received another file",
        "error: nothing.png: expected a picture, received: no such file or directory",
    ]
    rows = json.loads(done.stdout)
    assert [(row["picture"], row["net"]) for row in rows] == [
        (name, net) for name in ("pictures/a.png", "-") for net in ("dense", "cnn")
    ]
    assert rows[0]["confidence"] == rows[2]["confidence"]
    done = study("mnist-study predict pictures/b.png", check=False)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.slow
def test_nets_are_found_by_file_revision_and_registered_name(study, test_images):
    study.commit("results")
    write(study.root / "below/a.png", np.pad(test_images[0], 20))
    shutil.rmtree(study.root / "models")  # DVC's cache has them
    study("mnist-study sync && dvc checkout -q models/dense.keras")
    found = {}
    for model in ("workspace", "HEAD", "models:/mnist-cnn@champion", "models/dense.keras"):
        done = study(f"mnist-study predict below/a.png --model {model} --format csv")
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        found[model] = {row["net"]: row["confidence"] for row in rows}
    assert list(found["HEAD"]) == ["dense", "cnn"]
    assert found["workspace"] == found["HEAD"]
    registered, file = "models:/mnist-cnn@champion", "models/dense.keras"
    assert found[registered] == {"mnist-cnn@champion": found["HEAD"]["cnn"]}
    assert found[file] == {"dense": found["HEAD"]["dense"]}


MISTAKES = {
    "a.png --model nothing": "nothing: expected a branch, tag, commit, experiment or",
    "a.png --model models:/no@champion": "models:/no@champion: expected a model in MLflow",
    "a.png --model own.keras": "own.keras: expected a .keras file, found none",
    "a.png --net rnn": "--net: expected one of dense, cnn, received rnn",
    "a.png --data nothing": "expected a data set of datasets.yaml",
    "metrics": "metrics: expected pictures in this folder, found none",
}


@pytest.mark.slow
def test_a_mistake_ends_in_one_line(study, test_images):
    write(study.root / "a.png", test_images[0])
    for words, said in MISTAKES.items():
        done = study(f"mnist-study predict {words}", check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_an_export_is_checked_against_keras(study):
    done = study("mnist-study export --to savedmodel --output out")
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "out/dense_savedmodel",
        "out/cnn_savedmodel",
    ]
    assert all("the same class as Keras for all 100 test images" in line for line in lines)
    answers = study(
        """python - <<'END'
import numpy as np, tensorflow as tf
x = np.load("data/processed/test.npz")["x"]
loaded = tf.saved_model.load("out/cnn_savedmodel")
print(*loaded.serve(x).numpy().argmax(axis=1))
END"""
    ).stdout
    expected = predictions(study, "cnn")[:, 1].astype(int)
    assert [int(word) for word in answers.split()] == expected.tolist()


@pytest.mark.skipif(find_spec("tf2onnx") is not None, reason="the extra `export` is installed")
def test_a_missing_extra_is_told_in_a_line(study):
    done = study("mnist-study export --to onnx", check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("pip install '.[export]'\n")
    assert done.stderr.count("\n") == 1
    assert not list(study.root.glob("*.onnx"))


def test_an_export_that_gives_other_classes_is_refused():
    from types import SimpleNamespace

    from netserve.export import check
    from studykit.errors import UserError

    right = np.eye(3, dtype=np.float32)
    net = SimpleNamespace(probabilities=lambda images: right)
    known = SimpleNamespace(name="a", net=net)
    images = np.zeros((3, 4, 4, 1), np.uint8)
    assert check(known, images, lambda batch: right * 0.75) == 0.25
    with pytest.raises(UserError, match=r"^a: .* received 2 others for 3 test images; nothing was"):
        check(known, images, lambda batch: right[[0, 2, 1]])
