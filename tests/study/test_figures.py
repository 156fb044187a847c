import struct
from functools import partial
from itertools import cycle

import numpy as np
import pandas as pd
import pytest

from mnist_study.report.figures import curves
from mnist_study.report.figures.pictures import draw_predictions
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
def images(tiny_train):
    """Grey images of digits: uint8 (n, 28, 28, 1)."""
    return tiny_train.x.reshape(-1, 28, 28, 1)


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


def draw_curves(history, net):
    """Both curves of a net's history, as the report draws them."""
    return compose(
        partial(curves.draw_accuracy, histories={net: history}),
        partial(curves.draw_loss, histories={net: history}),
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
    assert accuracy.get_title(loc="left") == "On validation, in the end: dense net 82.0%"
    title = loss.get_title(loc="left").replace("\n", " ")
    assert title == "Epoch of the lowest validation loss: dense net 2"
    assert (accuracy.get_xlabel(), accuracy.get_ylabel()) == ("epoch", "accuracy")
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "cross-entropy, nats")


def test_the_curves_show_train_and_val_by_epoch_and_the_lowest_validation_loss(history):
    for axis, metric in zip(draw_curves(history, "dense").axes, ("accuracy", "loss"), strict=True):
        train, val, lowest, _ = axis.get_lines()
        assert train.get_xydata().tolist() == history[["epoch", f"train/{metric}"]].values.tolist()
        assert val.get_xydata().tolist() == history[["epoch", f"val/{metric}"]].values.tolist()
        assert lowest.get_xydata().tolist() == [[2, history[f"val/{metric}"][1]]]
        legend = [text.get_text() for text in axis.get_legend().get_texts()]
        assert legend == ["dense net", "dashed: train"]
        assert (train.get_linestyle(), val.get_linestyle()) == ("--", "-")


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_the_epochs_are_marked_in_whole_numbers(history, epochs):
    for axis in draw_curves(history[:epochs], "dense").axes:
        low, high = axis.get_xlim()
        ticks = [tick for tick in axis.get_xticks() if low <= tick <= high]
        assert ticks == list(range(1, epochs + 1))


def test_several_nets_share_their_axes_and_the_gap_of_each_is_shaded(history):
    histories = {"dense": history, "cnn": history.assign(**{"val/loss": [0.5, 0.4, 0.3]})}
    (axis,) = compose(partial(curves.draw_loss, histories=histories)).axes
    assert [line.get_gid() for line in axis.get_lines()[:-1]] == [
        "dense-train", "dense-val", "dense-ring", "cnn-train", "cnn-val", "cnn-ring",
    ]  # fmt: skip
    dense, cnn = (shade.get_paths()[0].vertices for shade in axis.collections)
    for shade, net in ((dense, "dense"), (cnn, "cnn")):
        between = {(e, v) for s in ("train", "val") for e, v in
                   histories[net][["epoch", f"{s}/loss"]].itertuples(index=False)}  # fmt: skip
        assert between <= set(map(tuple, shade.tolist()))
    assert [text.get_text() for text in axis.texts] == [
        " dense net: lowest at 2 ",
        " CNN: lowest at 3 ",
    ]
    assert [text.xy for text in axis.texts] == [(2, 0.45), (3, 0.3)]


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


def test_a_prediction_stands_on_top_of_its_digit_and_the_label_below(images, table):
    nine = pd.concat([table] * 3, ignore_index=True)
    (axis,) = draw_predictions(("What the CNN says", images[:9], nine)).axes
    assert axis.get_title(loc="left") == "What the CNN says"
    expected = cycle([("7  (99%)", "label 7"), ("3  (50%)", "label 2"), ("1  (>99%)", "label 1")])
    for number, (above, below) in enumerate(zip(axis.texts[::2], axis.texts[1::2], strict=True)):
        assert (above.get_text(), below.get_text()) == next(expected)
        where = divmod(number, 8)
        *where_above, top = place(above, rows=2)
        *where_below, bottom = place(below, rows=2)
        assert where_above == where_below == list(where)
        image = places(axis, rows=2)[where]
        inked = np.flatnonzero(image.any(axis=1)) / len(image)
        assert top < inked.min() < inked.max() < bottom
        digit = images[number, ..., 0]
        first_row, first_column = (
            image.any(axis=axis).argmax() - digit.any(axis=axis).argmax() for axis in (1, 0)
        )
        assert np.array_equal(image[first_row:, first_column:][:28, :28], digit)


def test_a_wrong_prediction_differs_in_colour_and_in_weight(images, table):
    (axis,) = draw_predictions(("", images[:3], table)).axes
    assert [text.get_color() for text in axis.texts[::2]] == ["black", "C1", "black"]
    assert [text.get_fontweight() for text in axis.texts[::2]] == ["normal", "bold", "normal"]


@pytest.mark.parametrize(("number", "rows"), [(0, 1), (1, 1), (8, 1), (9, 2), (40, 5)])
def test_the_grid_of_predictions_has_as_many_rows_of_eight_as_it_needs(images, number, rows):
    table = pd.DataFrame({"label": 1, "prediction": 1, "confidence": 1.0}, index=range(number))
    (axis,) = draw_predictions(("", images[:number], table)).axes
    width, height = axis.figure.get_size_inches()
    assert (height - 0.4) / width == pytest.approx(rows * 45 / (8 * 32))
    filled = places(axis, rows).any(axis=(2, 3)).ravel()
    assert filled.tolist() == [True] * number + [False] * (8 * rows - number)


@pytest.mark.parametrize(
    ("shape", "pixels"),  # of the figure, for each of the image
    [((8, 8, 1), 18), ((28, 28, 1), 5), ((32, 32, 3), 4), ((64, 96, 3), 1)],
)
def test_an_image_of_any_size_is_shown_about_as_large(shape, pixels):
    images = np.full((3, *shape), 77, np.uint8)
    table = pd.DataFrame({"label": ["a"] * 3, "prediction": ["b"] * 3, "confidence": [0.5] * 3})
    (axis,) = draw_predictions(("", images, table)).axes
    grid = shown(axis)
    width, height = axis.get_window_extent().size
    assert width / grid.shape[1] == pytest.approx(pixels, rel=0.01)
    assert height / grid.shape[0] == pytest.approx(pixels, rel=0.01)
    assert (grid == 77).all(axis=2).sum() if shape[2] == 3 else (grid == 77).sum()


def test_long_names_in_a_grid_do_not_overlap():
    images = np.zeros((9, 28, 28, 1), np.uint8)
    name = "a name of twenty let"
    table = pd.DataFrame({"label": name, "prediction": name, "confidence": 1.0}, index=range(9))
    (axis,) = draw_predictions(("", images, table)).axes
    axis.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axis.texts]
    assert not any(a.overlaps(b) for number, a in enumerate(boxes) for b in boxes[:number])
