"""Figures, held against numbers: axes, labels, counts, colours; never against stored pixels."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mnist_study.replication import mean_curve
from mnist_study.report.figures import accuracy, curves, networks
from mnist_study.report.figures.pictures import percent
from mnist_study.report.figures.style import compose, labels, look, plt, save, to_svg
from tests.made_results import some, studied


@pytest.fixture
def axis():
    figure, axis = plt.subplots()
    yield axis
    plt.close(figure)


def texts(axis):
    return [text.get_text() for text in axis.texts]


def test_a_reliability_diagram_counts_its_bins_and_names_the_error(axis):
    bins = pd.DataFrame(
        {
            "images": [1200, 3],
            "confidence": [0.95, 0.45],
            "accuracy": [0.9, 1 / 3],
            "low": [0.88, 0.1],
            "high": [0.92, 0.7],
        }
    )
    accuracy.draw_reliability(axis, bins, "dense", ece=0.0123)
    assert texts(axis) == ["1,200", "3"]
    assert axis.get_title(loc="left") == "The dense net is overconfident: ECE 1.23%"
    assert axis.get_xlim()[0] == 0


def by_class(accuracies, half):
    """Classes' accuracies, with intervals of some half width."""
    a = np.array(accuracies)
    return pd.DataFrame({"accuracy": a, "low": a - half, "high": a + half})


def test_accuracy_by_class_names_the_hardest(axis):
    tables = {
        "dense": by_class([0.9, 0.8, 0.85], 0.01),
        "cnn": by_class([0.99, 0.98, 0.97], 0.009),
    }
    accuracy.draw_by_class(axis, tables, classes=list("012"), confidence=0.9)
    title = "Hardest class of the dense net: 1; the CNN: 2"
    assert axis.get_title(loc="left") == title
    assert axis.get_xlabel() == "accuracy, with 90% interval"
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["1", "2", "0"]


def test_accuracy_by_class_names_none_whose_interval_reaches_the_next_ones_accuracy(axis):
    tables = {
        "dense": by_class([0.9, 0.8, 0.85], 0.049),
        "cnn": by_class([0.99, 0.987, 0.988], 0.001),
    }
    accuracy.draw_by_class(axis, tables, classes=list("012"), confidence=0.9)
    assert axis.get_title(loc="left") == "Hardest class of the dense net: 1"
    del tables["dense"]
    accuracy.draw_by_class(axis, tables, classes=list("012"), confidence=0.9)
    assert axis.get_title(loc="left") == "No class is clearly the hardest"


def test_classes_stand_in_rows_the_hardest_on_top(axis):
    names = [f"class {number}" for number in range(47)]
    tables = {"dense": by_class(np.linspace(0.99, 0.53, 47), 0.001)}
    accuracy.draw_by_class(axis, tables, classes=names, confidence=0.9)
    assert [tick.get_text() for tick in axis.get_yticklabels()] == names[::-1]
    bottom, top = axis.get_ylim()
    assert bottom > 46 > 0 > top
    (points, *_), *_ = axis.containers
    assert points.get_xdata() == pytest.approx(np.linspace(0.53, 0.99, 47))
    assert axis.get_title(loc="left") == "Hardest class of the dense net: class 46"


def test_a_class_without_test_images_has_no_point(axis):
    table = by_class([0.9, np.nan, 0.8], 0.01)
    accuracy.draw_by_class(axis, {"cnn": table}, classes=["a", "b", "c"], confidence=0.9)
    (points, *_), *_ = axis.containers
    xs = np.asarray(points.get_xdata(), float)
    assert np.isnan(xs).tolist() == [False, False, True]  # the last of the order
    assert axis.get_title(loc="left") == "Hardest class of the CNN: c"


def test_five_nets_have_colours_and_markers_of_their_own():
    with studied(some(5)):
        looks = [tuple(look(net).values()) for net in some(5)]
    assert len({colour for colour, _ in looks}) == len({marker for _, marker in looks}) == 5


def test_twenty_nets_are_told_apart_too():
    nets = {f"net{number}": f"net {number}" for number in range(20)}
    with studied(nets):
        looks = {(int(look(net)["color"][1:]) % 6, look(net)["marker"]) for net in nets}
    assert len(looks) == 20


def test_names_of_classes_are_short_no_formulas_and_in_letters_of_the_font():
    names = ["cat", "50 $ or 60 $", "a name that is too long", "靴", "a\nb"]
    shown = ["cat", r"50 \$ or 60 \$", "a name that is too …", "class 3", "class 4"]
    assert labels(names) == shown


def test_a_title_that_is_wider_than_its_panel_goes_on_below():
    long = "The softmax regression's mean loss is lowest at epoch 17"
    figure = compose(lambda axis: axis.set_title(long), lambda axis: axis.set_title("short"))
    first, second = (axis.get_title(loc="left") for axis in figure.axes)
    assert first.count("\n") == 1
    assert first.replace("\n", " ") == long
    assert second == "short"
    plt.close(figure)


def test_an_odd_number_of_panels_leaves_a_place_empty():
    figure = compose(*[lambda axis: axis.plot([0, 1])] * 3)
    assert [axis.axison for axis in figure.axes] == [True, True, True, False]
    plt.close(figure)


def test_the_seeds_are_held_against_the_bound_that_decides(axis):
    """The claim of 96 % says: at least 95.5 %."""
    claim = {"claimed": 0.96, "measured": 0.9625, "low": 0.96, "high": 0.965}
    accuracies = np.array([0.964, 0.961])
    mean = {"mean": 0.9625, "low": 0.96, "high": 0.965, "sd": 0.001}
    curves.draw_seeds(axis, accuracies, "dense", mean, claim)
    vertical = {line.get_label(): line.get_xdata() for line in axis.lines}
    assert vertical["claim's bound"] == pytest.approx([0.955, 0.955])
    drawn = [line.get_xdata()[0] for line in axis.lines if line.get_gid() != "seeds"]
    assert sorted(drawn) == pytest.approx([0.955, 0.9625])
    (seeds,) = [line for line in axis.lines if line.get_gid() == "seeds"]
    assert list(seeds.get_xdata()) == [0.961, 0.964]


def test_seeds_without_a_claim_have_no_bound(axis):
    mean = {"mean": 0.9625, "low": 0.96, "high": 0.965, "sd": 0.001}
    curves.draw_seeds(axis, np.array([0.964, 0.961]), "cnn", mean, None)
    assert "claim's bound" not in {line.get_label() for line in axis.lines}
    assert axis.get_title(loc="left") == "The CNN: 96.25% over 2 seeds"


LAYERS = pd.DataFrame(
    {
        "kind": ["Rescaling", "Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense"],
        "output": ["28×28×1", "24×24×20", "12×12×20", "12×12×20", "2880", "10"],
        "parameters": [0, 520, 0, 0, 0, 28810],
    }
)


def test_a_drawing_shows_each_layer_that_changes_the_shape(axis):
    image = np.arange(784, dtype=np.uint8).reshape(28, 28, 1)
    height = networks.measure(LAYERS, image.shape)
    networks.draw_network(axis, LAYERS, "cnn", image, height)
    assert texts(axis) == [
        "image 28×28×1",
        "Conv 24×24×20: 520 parameters",
        "MaxPool 12×12×20",
        "Flatten 2880",
        "Dense 10: 28,810 parameters",
    ]
    assert axis.get_title(loc="left") == "The CNN: 29,330 parameters"
    (shown,) = axis.get_images()
    assert np.array_equal(shown.get_array(), image[..., 0])
    assert all(-height < text.get_position()[1] < 0 for text in axis.texts)


def test_all_networks_are_drawn_to_one_scale(axis):
    """Whatever else a net has: a pixel is as large in its planes as in the image."""
    networks.draw_network(axis, LAYERS, "cnn", np.zeros((28, 28, 1), np.uint8), 200)
    (shown,) = axis.get_images()
    left, right, bottom, top = shown.get_extent()
    assert right - left == pytest.approx(top - bottom)
    pixel = (right - left) / 28
    boxes = {(round(p.get_width() / pixel, 6), round(p.get_height() / pixel, 6))
             for p in axis.patches}  # fmt: skip
    assert {(24, 24), (12, 12)} < boxes
    bars = sorted(width for width, _ in boxes if width not in (24, 12))
    assert bars == pytest.approx([10**0.5, 2880**0.5])
    assert axis.get_aspect() == 1
    assert axis.get_ylim() == (-200, 1)


def test_robustness_is_on_one_scale_with_intervals_and_its_title_has_the_ends(axis):
    rows = [("dense", 0, 0.9, 0.8, 0.95), ("dense", 4, 0.5, 0.4, 0.6), ("cnn", 0, 1, 0.9, 1),
            ("cnn", 4, 0.8, 0.7, 0.9)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["net", "amount", "accuracy", "low", "high"])
    accuracy.draw_robustness(axis, table, kind="shift", unit="pixels")
    assert axis.get_title(loc="left") == "Shift of 4: dense net 50%, CNN 80%"
    assert axis.get_xlabel() == "shift, pixels"
    assert axis.get_ylim() == (0, 1.02)
    assert axis.get_xticks().tolist() == [0, 4]
    assert [line.get_ydata().tolist() for line in axis.lines] == [[0.9, 0.5], [1, 0.8]]
    bands = [band.get_paths()[0].vertices for band in axis.collections]
    assert [(band[:, 1].min(), band[:, 1].max()) for band in bands] == [(0.4, 0.95), (0.7, 1)]


def test_each_seed_has_a_line_of_its_own_below_the_mean(axis):
    losses = np.array([[3.0, 1.0], [1.0, 2.0]])
    curve = mean_curve(losses, confidence=0.95)
    curves.draw_mean_loss(axis, losses, curve, "dense", None)
    drawn = {line.get_gid(): line.get_ydata().tolist() for line in axis.lines}
    assert drawn == {"seed-0": [3, 1], "seed-1": [1, 2], "mean": [2, 1.5]}


@pytest.mark.parametrize(
    ("confidence", "shown"), [(1.0, ">99%"), (0.995, ">99%"), (0.994, "99%"), (0.5, "50%")]
)
def test_no_confidence_is_rounded_up_to_certainty(confidence, shown):
    assert percent(confidence) == shown


def draw(axis):
    axis.plot([0, 1], [0, 1], gid="line")
    axis.set_title("A title")


def test_svg_takes_its_colours_and_size_from_the_page():
    svg = to_svg(partial(compose, draw), "name")
    start = svg[: svg.index(">")]
    assert "width" not in start
    assert "viewBox" in start
    assert "currentColor" in svg
    assert "var(--net-0)" in svg
    assert 'id="name-line"' in svg
    assert "#000000" not in svg
    assert "<style" not in svg
    assert ">A title</text>" in svg  # no outlines
    assert "DejaVu" not in svg
    assert "date" not in svg


def test_the_same_figure_gives_the_same_bytes(tmp_path):
    assert to_svg(partial(compose, draw), "a") == to_svg(partial(compose, draw), "a")
    for name in ("a.png", "b.png"):
        save(tmp_path / name, partial(compose, draw))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.info.keys() == {"dpi"}


def test_nothing_leaves_the_canvas_in_the_committed_figures():
    """No ink on the outermost pixels: a cut label touches them."""
    from tests.tiny_study import ROOT

    figures = sorted(ROOT.glob("plots/**/*.png"))
    assert len(figures) > 10
    for path in figures:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("L"))
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert (border > 250).all(), path
