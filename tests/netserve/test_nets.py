"""Nets are loaded in Keras' safe mode, and what they answer is told in words."""

import numpy as np
import pytest

from mnist_study.compute import keras
from netserve.answers import Answer, in_words, read_table, share_right
from netserve.nets import Net, NetError
from studykit.errors import UserError


def save(path, *layers, shape=(4, 4, 1)):
    given = keras.Input(shape, dtype="uint8")
    keras.Sequential([given, *layers]).save(path)
    return path


def classifier(units=3):
    return keras.layers.Flatten(), keras.layers.Dense(units, activation="softmax")


def test_a_net_answers_as_keras_does(tmp_path):
    path = save(tmp_path / "net.keras", keras.layers.Rescaling(1 / 255), *classifier())
    net = Net(path)
    images = np.random.default_rng(0).integers(0, 256, (501, 4, 4, 1), np.uint8)
    assert (net.shape, net.dtype, net.units) == ((4, 4, 1), np.uint8, 3)
    found = net.probabilities(images)
    np.testing.assert_allclose(found, net.model.predict(images, verbose=0), atol=1e-6)
    assert net.probabilities(images[:0]).shape == (0, 3)


def test_a_file_that_holds_code_is_refused_in_a_line(tmp_path):
    path = save(tmp_path / "net.keras", keras.layers.Lambda(lambda x: x), *classifier())
    with pytest.raises(NetError) as refused:
        Net(path)
    assert "expected a model that Keras loads in its safe mode" in str(refused.value)
    assert "Lambda" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_net_for_images_is_refused(tmp_path):
    (tmp_path / "text.keras").write_text("hello")
    with pytest.raises(NetError, match="safe mode"):
        Net(tmp_path / "text.keras")
    with pytest.raises(NetError, match=r"expected a \.keras file, found none"):
        Net(tmp_path / "nothing.keras")
    save(tmp_path / "rows.keras", *classifier(), shape=(4,))
    with pytest.raises(NetError, match="expected a net that classifies images"):
        Net(tmp_path / "rows.keras")
    save(tmp_path / "logits.keras", keras.layers.Flatten(), keras.layers.Dense(3))
    with pytest.raises(NetError, match="expected a net whose last layer gives probabilities"):
        Net(tmp_path / "logits.keras").probabilities(np.full((1, 4, 4, 1), 9))


def test_how_often_answers_are_right_is_counted_among_the_nearest(tmp_path):
    rows = [(1, 1 if number >= 150 else 0, number / 400) for number in range(400)]
    text = "".join(f"{label},{said},{confidence}\n" for label, said, confidence in rows)
    (tmp_path / "table.csv").write_text(f"label,prediction,confidence\n{text}")
    table = read_table(tmp_path / "table.csv")
    assert share_right(table, 1.0) == (1.0, 200)
    assert share_right(table, 0.0) == (0.25, 200)  # those of 0 to 199
    assert share_right(table, 0.5) == (0.75, 200)  # those of 100 to 299
    assert share_right(None, 0.7) == (0.7, 0)


NO_TABLES = (
    b"",
    b"label\n",
    b"<<<<<<< a\nb\n",
    b"a,b\n1,2\n",
    b"a,b,c\n1,2,x\n",
    b"\xff\xfe\0",
    b"a\n\xff",
)


@pytest.mark.parametrize("content", NO_TABLES)
def test_what_is_no_table_of_answers_is_told_in_a_line(tmp_path, content):
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(UserError, match=r"^\S+table\.csv: expected a table of label, prediction"):
        read_table(tmp_path / "table.csv")


def answer(net, label, *, right, counted=200):
    return Answer(net, label, 0.9, "1", 0.1, right, counted)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([answer("a", "7", right=1.0), answer("b", "7", right=0.95)], "7"),
        (
            [answer("a", "7", right=1.0), answer("b", "9", right=1.0)],
            "not clear: the nets disagree (a 7, b 9)",
        ),
        (
            [answer("a", "7", right=1.0), answer("b", "7", right=0.8)],
            "probably 7: b reads 80% of test images right that it is as sure of",
        ),
        ([answer("a", "7", right=0.6, counted=0)], "probably 7: a gives it 90%"),
    ],
)
def test_doubt_is_put_in_words(answers, said):
    assert in_words(answers) == said
