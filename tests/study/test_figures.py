import struct
from functools import partial

import numpy as np
import pandas as pd
import pytest

from imagesets.partition import first_of_each_class
from imagesets.splits import Split
from mnist_study.report.figures import curves
from mnist_study.report.figures.digits import draw_digit, draw_digits, draw_predictions
from mnist_study.report.figures.style import compose, plt, save


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def history():
    return pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "train/loss": [0.9, 0.5, 0.3],
            "train/accuracy": [0.7, 0.8, 0.9],
            "val/loss": [0.8, 0.45, 0.6],
            "val/accuracy": [0.75, 0.85, 0.82],
        }
    )


@pytest.fixture
def table():
    """Three test digits, of which the second is taken for another."""
    return pd.DataFrame(
        {"label": [7, 2, 1], "prediction": [7, 3, 1], "confidence": [0.994, 0.5049, 1.0]}
    )


def chunks(png):
    """Names of a PNG file's chunks."""
    names, at = [], 8
    while at < len(png):
        length, name = struct.unpack(">I4s", png[at : at + 8])
        names.append(name.decode())
        at += 12 + length
    return names


def shown(axis):
    (image,) = axis.get_images()
    return np.asarray(image.get_array())


def filled(figure):
    return [axis for axis in figure.axes if axis.get_images()]


def draw_curves(history, net):
    """Both curves of a net's history, as the report draws them."""
    return compose(
        partial(curves.draw_accuracy, history=history, net=net),
        partial(curves.draw_loss, history=history, net=net),
    )


def test_the_same_figure_is_saved_as_the_same_bytes(history, tmp_path):
    for name in ("first", "second"):
        save(tmp_path / f"{name}.png", partial(draw_curves, history, "dense"))
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_other_data_are_saved_as_other_bytes(history, tmp_path):
    save(tmp_path / "first.png", partial(draw_curves, history, "dense"))
    save(
        tmp_path / "second.png", partial(draw_curves, history.assign(**{"val/loss": 0.5}), "dense")
    )
    assert (tmp_path / "first.png").read_bytes() != (tmp_path / "second.png").read_bytes()


def test_a_saved_figure_names_no_software_and_no_date(history, tmp_path):
    save(tmp_path / "curves.png", partial(draw_curves, history, "dense"))
    content = (tmp_path / "curves.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert set(chunks(content)) == {"IHDR", "pHYs", "IDAT", "IEND"}  # no tEXt, no tIME


def test_a_saved_figure_has_its_size_in_inches_at_150_pixels_each(history, tmp_path):
    save(tmp_path / "curves.png", partial(draw_curves, history, "dense"))
    size = struct.unpack(">2I", (tmp_path / "curves.png").read_bytes()[16:24])
    assert size == (1350, 540)  # 9 × 3.6 inches


def test_a_saved_figure_is_closed(history, tmp_path):
    save(tmp_path / "curves.png", partial(draw_curves, history, "dense"))
    assert plt.get_fignums() == []


def test_the_curves_have_titles_and_axes_with_units(history):
    accuracy, loss = draw_curves(history, "dense").axes
    assert accuracy.get_title(loc="left") == "The dense net ends at 82.0% on validation"
    assert loss.get_title(loc="left") == "The dense net's val loss is lowest at epoch 2"
    assert (accuracy.get_xlabel(), accuracy.get_ylabel()) == ("epoch", "accuracy")
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "cross-entropy, nats")


def test_the_curves_show_train_and_val_by_epoch_and_the_lowest_validation_loss(history):
    for axis, metric in zip(draw_curves(history, "dense").axes, ("accuracy", "loss"), strict=True):
        train, val, lowest = axis.get_lines()
        assert (train.get_label(), val.get_label()) == ("train", "val")
        assert train.get_xydata().tolist() == history[["epoch", f"train/{metric}"]].values.tolist()
        assert val.get_xydata().tolist() == history[["epoch", f"val/{metric}"]].values.tolist()
        assert lowest.get_xydata().tolist() == [[2, history[f"val/{metric}"][1]]]
        legend = [text.get_text() for text in axis.get_legend().get_texts()]
        assert legend == ["train", "val", "lowest val loss"]


def test_the_epochs_are_marked_in_whole_numbers(history):
    for axis in draw_curves(history, "dense").axes:
        assert all(tick == round(tick) for tick in axis.get_xticks())


def cells(axis, per_digit):
    """The images of a grid of example digits: uint8 (10, per_digit, 28, 28)."""
    grid = shown(axis)
    size = grid.shape[0] // 10
    parts = grid.reshape(10, size, per_digit, size).swapaxes(1, 2)
    assert not parts[:, :, 28:].any()
    assert not parts[:, :, :, 28:].any()
    return parts[:, :, :28, :28]


def test_the_example_digits_are_the_first_ten_of_each_in_a_row(tiny_train):
    (axis,) = draw_digits(first_of_each_class(tiny_train, 10)).axes
    assert axis.get_title(loc="left") == "Training images: the first 10 of each digit"
    assert [label.get_text() for label in axis.get_yticklabels()] == list("0123456789")
    size = axis.get_images()[0].get_array().shape[0] / 10
    assert axis.get_yticks() == pytest.approx([size * digit + 14 for digit in range(10)])
    for digit, row in enumerate(cells(axis, 10)):
        expected = tiny_train.x[np.flatnonzero(tiny_train.y == digit)[:10]]
        assert np.array_equal(row, expected)


def test_a_digit_with_too_few_examples_leaves_places_empty(tiny_train):
    without_9 = np.flatnonzero(tiny_train.y != 9)
    chosen = [*without_9, np.flatnonzero(tiny_train.y == 9)[0]]
    first = first_of_each_class(Split(tiny_train.x[chosen], tiny_train.y[chosen]), 3)
    (axis,) = draw_digits(first).axes
    filled_cells = cells(axis, 3).any(axis=(2, 3))
    assert filled_cells.tolist() == [[True] * 3] * 9 + [[True, False, False]]


def test_every_picture_has_the_same_scale_of_intensity(tiny_train, table):
    figures = [
        draw_digits(first_of_each_class(tiny_train, 2)),
        compose(lambda axis: draw_digit(axis, tiny_train.x[0], 7)),
        draw_predictions(("three", tiny_train.x[:3], table)),
    ]
    for figure in figures:
        for axis in filled(figure):
            assert axis.get_images()[0].get_clim() == (0, 255)


def test_one_digit_comes_with_its_label_axes_and_scale(tiny_train):
    axis, scale = compose(lambda axis: draw_digit(axis, tiny_train.x[0], 7)).axes
    assert axis.get_title(loc="left") == "A handwritten 7: 28 × 28 pixels"
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("column", "row")
    assert scale.get_ylabel() == "intensity, 0–255"
    assert np.array_equal(shown(axis), tiny_train.x[0])


def places(axis, rows=1, columns=8):
    """What a grid of predictions shows at each of its places, as uint8 (rows, columns, h, w)."""
    grid = shown(axis)
    return grid.reshape(rows, grid.shape[0] // rows, columns, -1).swapaxes(1, 2)


def place(text, rows, columns=8):
    """The row, column and height in its place, from 0 on top to 1, of a text in a grid."""
    x, y = text.get_position()
    grid_height, grid_width = shown(text.axes).shape
    row, height = divmod(y / grid_height * rows, 1)
    return int(row), int(x / grid_width * columns), height


def test_a_prediction_stands_on_top_of_its_digit_and_the_label_below(tiny_train, table):
    (axis,) = draw_predictions(("What the CNN says", tiny_train.x[:3], table), columns=2).axes
    assert axis.get_title(loc="left") == "What the CNN says"
    expected = iter([("7  (99%)", "label 7"), ("3  (50%)", "label 2"), ("1  (>99%)", "label 1")])
    for number, (above, below) in enumerate(zip(axis.texts[::2], axis.texts[1::2], strict=True)):
        assert (above.get_text(), below.get_text()) == next(expected)
        where = divmod(number, 2)
        *where_above, top = place(above, rows=2, columns=2)
        *where_below, bottom = place(below, rows=2, columns=2)
        assert where_above == where_below == list(where)
        image = places(axis, rows=2, columns=2)[where]
        inked = np.flatnonzero(image.any(axis=1)) / len(image)
        assert top < inked.min() < inked.max() < bottom
        digit = tiny_train.x[number]
        first_row, first_column = (
            image.any(axis=axis).argmax() - digit.any(axis=axis).argmax() for axis in (1, 0)
        )
        assert np.array_equal(image[first_row:, first_column:][:28, :28], digit)


def test_a_wrong_prediction_differs_in_colour_and_in_weight(tiny_train, table):
    (axis,) = draw_predictions(("", tiny_train.x[:3], table)).axes
    assert [text.get_color() for text in axis.texts[::2]] == ["black", "C1", "black"]
    assert [text.get_fontweight() for text in axis.texts[::2]] == ["normal", "bold", "normal"]


@pytest.mark.parametrize(("number", "rows"), [(0, 1), (1, 1), (8, 1), (9, 2), (40, 5)])
def test_the_grid_of_predictions_has_as_many_rows_of_eight_as_it_needs(tiny_train, number, rows):
    table = pd.DataFrame({"label": 1, "prediction": 1, "confidence": 1.0}, index=range(number))
    (axis,) = draw_predictions(("", tiny_train.x[:number], table)).axes
    width, height = axis.figure.get_size_inches()
    assert (height - 0.4) / width == pytest.approx(rows * 45 / (8 * 32))
    filled = places(axis, rows).any(axis=(2, 3)).ravel()
    assert filled.tolist() == [True] * number + [False] * (8 * rows - number)
