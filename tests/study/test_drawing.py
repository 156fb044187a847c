"""The page's section where one draws, in a real browser: its answers are those of Keras."""

import base64
import io
import json
import math
import re
from itertools import pairwise
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mnist_study.compute import keras
from mnist_study.training.params import Activation
from netserve.preparation import Recipe, prepare
from netserve.stored import read_network
from tests.built_report import MODELS, are_here, build_report
from tests.study import test_browser
from tests.tiny_study import ROOT

pytestmark = pytest.mark.slow

TEMPLATES = ROOT / "src/mnist_study/report/templates"
SCRIPT = "".join((TEMPLATES / name).read_text("utf-8") for name in ("activations.js", "net.js"))
LAYERS = keras.layers
browser = test_browser.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_report(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def address(folder):
    return (folder / "report/index.html").as_uri()


@pytest.fixture(scope="module")
def examples(folder):
    with np.load(folder / "plots/evaluate/examples.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("place", range(len(MODELS)), ids=MODELS)
def test_the_answers_to_test_images_are_those_of_keras(
    browser, address, folder, examples, place
):  # fmt: skip
    images = examples["x"][:: len(examples["x"]) // 200][:200]
    model = keras.saving.load_model(folder / list(MODELS.values())[place], compile=False)
    browser.open(address)
    answers = browser(
        """arguments[0].map((pixels) =>
            [...networks[arguments[1]].answer(pixels, [28, 28, 1]).probabilities])""",
        images.reshape(200, -1).tolist(),
        place,
    )
    difference = np.abs(np.array(answers) - model.predict(images, verbose=0)).max()
    print(f"largest difference to Keras: {difference:.1e}")
    assert difference < 1e-5


def test_the_feature_maps_are_those_of_keras(browser, address, folder, examples):
    model = keras.saving.load_model(folder / MODELS["cnn"], compile=False)
    image = examples["x"][:1]
    names = ["convolution_1", "pooling_1", "pooling_2", "pooling_3"]
    outputs = [model.get_layer(name).output for name in names]
    expected = keras.Model(model.inputs[0], outputs).predict(image, verbose=0)
    browser.open(address)
    maps = browser(
        """networks[1].answer(arguments[0], [28, 28, 1]).maps.map(
            ({name, shape, values}) => ({name, shape, values: [...values]}))""",
        image.ravel().tolist(),
    )
    assert [each["name"] for each in maps] == names
    for each, output in zip(maps, expected, strict=True):
        assert tuple(each["shape"]) == output.shape[1:]
        assert np.abs(np.reshape(each["values"], output.shape[1:]) - output[0]).max() < 1e-4


def nets():
    """Nets of every activation and of all layers that the script knows, by name."""
    for activation in (*get_args(Activation), "linear", "softmax"):
        yield activation, (9, 9, 1), [LAYERS.Conv2D(4, 3, activation=activation), LAYERS.Flatten()]
    for padding in ("valid", "same"):
        for strides in (1, 2, (3, 1)):
            convolution = LAYERS.Conv2D(5, (3, 2), strides=strides, padding=padding)
            pooling = LAYERS.MaxPooling2D((2, 3), strides=2, padding=padding)
            average = LAYERS.AveragePooling2D(2, strides=1, padding=padding)
            layers = [convolution, pooling, average, LAYERS.Flatten()]
            yield f"{padding} {strides}", (17, 14, 3), layers
    rest = [
        LAYERS.Rescaling([0.1, 0.2, 0.3], offset=[0, -1, 1]),
        LAYERS.ZeroPadding2D(((1, 2), (3, 0))),
        LAYERS.Conv2D(4, 3, use_bias=False),
        LAYERS.BatchNormalization(),
        LAYERS.Activation("relu"),
        LAYERS.SpatialDropout2D(0.5),
        LAYERS.BatchNormalization(scale=False),
        LAYERS.Dense(6, activation="tanh"),
        LAYERS.GaussianNoise(0.5),
        LAYERS.GlobalAveragePooling2D(),
    ]
    yield "the rest", (8, 8, 3), rest


@pytest.mark.parametrize(("shape", "layers"), [n[1:] for n in nets()], ids=[n[0] for n in nets()])
def test_every_kind_of_layer_computes_what_keras_computes(browser, tmp_path, shape, layers):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input(shape), *layers, LAYERS.Dropout(0.5), LAYERS.Dense(7, activation="softmax")]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.1, 0.9, w.shape) for w in model.get_weights()])
    model.layers[-1].set_weights(
        [rng.normal(0, 0.1, w.shape) for w in model.layers[-1].get_weights()]
    )
    model.save(tmp_path / "net.keras")
    images = rng.normal(0, 2, (20, *shape)).astype(np.float32)
    expected = model.predict(images, verbose=0)
    browser.open("about:blank")
    answers = browser.driver.execute_script(
        f"""{SCRIPT}
        const network = new Network(arguments[0]);
        return arguments[1].map(
            (pixels) => [...network.answer(pixels, arguments[2]).probabilities]);""",
        read_network(tmp_path / "net.keras", most=1_000_000),
        images.reshape(20, -1).tolist(),
        list(shape),
    )
    assert np.ptp(expected, axis=0).max() > 0.01  # so that images make a difference
    assert np.abs(np.array(answers) - expected).max() < 1e-5


@pytest.mark.parametrize("place", [("pooling", "MaxPooling2D"), ("activation", "relu")])
def test_a_net_that_the_script_cannot_compute_is_named_and_the_others_answer(
    browser, folder, tmp_path, place
):
    _, word = place
    page = (folder / "report/index.html").read_text("utf-8")
    before, bench, after = re.split(r'(?<=id="bench">)(.*?)(?=</script>)', page, maxsplit=1)
    content = json.loads(bench)
    for layer in content["nets"][1]["layers"]:
        layer.update({key: "Odd" for key in ("kind", "activation") if layer.get(key) == word})
    (tmp_path / "index.html").write_text(before + json.dumps(content) + after, "utf-8")
    browser.open((tmp_path / "index.html").as_uri())
    kind = {"MaxPooling2D": "a layer Odd", "relu": "the activation Odd"}[word]
    assert (
        browser.find(".problems").text == f"The CNN has {kind}, so it cannot answer on this page."
    )
    assert "the dense net says" in browser.find(".said").text
    assert "CNN" not in browser.find(".said").text
    assert browser.console() == []


def draw(browser, strokes, *, by="mouse"):
    """Draw on the pad, which is cleared before; a stroke is a list of points from 0 to 1."""
    press(browser, ".clear")
    left, top, side = browser(
        """(() => { const pad = document.querySelector(".pad canvas");
        pad.scrollIntoView({block: "center", behavior: "instant"});
        const box = pad.getBoundingClientRect(); return [box.x, box.y, box.width]; })()"""
    )
    for stroke in strokes:
        points = [{"x": left + x * side, "y": top + y * side} for x, y in between(stroke)]
        kinds = ["Start", *["Move"] * (len(points) - 1)]
        for kind, point in zip(kinds, points, strict=True):
            touch(browser, by, kind, point)
        touch(browser, by, "End", points[-1])


def press(browser, selector):
    browser("arguments[0].click()", browser.find(selector))


def between(points, steps=2):
    """Points on the way of a pen, as it moves from one to the next."""
    for (x, y), (to_x, to_y) in pairwise(points):
        yield from ((x + (to_x - x) * k / steps, y + (to_y - y) * k / steps) for k in range(steps))
    yield points[-1]


def touch(browser, by, kind, point):
    if by == "finger":
        points = [] if kind == "End" else [point]
        event = {"type": f"touch{kind}", "touchPoints": points}
        browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent", event)
    else:
        names = {"Start": "mousePressed", "Move": "mouseMoved", "End": "mouseReleased"}
        event = {"type": names[kind], "button": "left", "buttons": int(kind != "End"), **point}
        browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event | {"clickCount": 1})


ANGLES = [k * math.pi / 9 for k in range(19)]
STROKES = {
    "0": [[(0.5 + 0.2 * math.sin(a), 0.5 - 0.33 * math.cos(a)) for a in ANGLES]],
    "1": [[(0.52, 0.15), (0.48, 0.85)]],
    "3": [[(0.5 - 0.17 * math.cos(a * 0.72 + 0.6), 0.33 - 0.16 * math.sin(a * 0.72 + 0.6))
           for a in ANGLES[:14]],
          [(0.5 + 0.2 * math.sin(a * 0.7), 0.67 - 0.18 * math.cos(a * 0.7)) for a in ANGLES]],
    "7": [[(0.27, 0.2), (0.73, 0.2), (0.45, 0.85)]],
}  # fmt: skip


@pytest.mark.parametrize(("by", "digits"), [("mouse", STROKES), ("finger", "7")])
def test_drawn_digits_are_recognised(browser, address, by, digits):
    if not are_here():
        pytest.skip("models/ holds other nets than those of the committed results: dvc repro")
    browser.open(address)
    for digit in digits:
        draw(browser, STROKES[digit], by=by)
        said = re.findall(r"says (\d) ", browser.find(".said").text)
        assert said == [digit, digit]
        captions = browser(
            "[...document.querySelectorAll('.answers caption')].map((c) => c.innerText)"
        )
        assert captions == [f"dense net: {digit}", f"CNN: {digit}"]


def test_a_drawing_is_answered_before_the_pen_is_lifted(browser, address):
    browser.open(address)
    draw(browser, [[(0.5, 0.5), (0.5, 0.51)]])
    press(browser, ".clear")
    assert browser.find(".said").text == "Nothing is drawn."
    assert browser.find(".answers caption").text == "dense net"
    box = browser("document.querySelector('.pad canvas').getBoundingClientRect().toJSON()")
    touch(browser, "mouse", "Start", {"x": box["x"] + 90, "y": box["y"] + 90})
    touch(browser, "mouse", "Move", {"x": box["x"] + 90, "y": box["y"] + 190})
    assert browser.find(".said").text == "Nothing is drawn."
    assert re.fullmatch(r"dense net: \d", browser.find(".answers caption").text)
    touch(browser, "mouse", "End", {"x": box["x"] + 90, "y": box["y"] + 190})
    assert browser.find(".said").text.startswith("Your drawing: the dense net says ")


def seen(browser):
    """The image that the nets see, uint8 (height, width): white is intense."""
    return np.array(
        browser(
            """(() => { const canvas = document.querySelector(".seen canvas");
            const {data} = canvas.getContext("2d").getImageData(0, 0, 28, 28);
            return [...data].filter((_, item) => item % 4 === 0).map((value) => 255 - value);
            })()"""
        )
    ).reshape(28, 28)


def choose(browser, path):
    browser.find(".bench input[type=file]").send_keys(str(path))
    browser.driver.execute_async_script(
        """const [name, done] = arguments, said = document.querySelector(".said");
        const look = () => said.textContent.startsWith(name) ? done() : setTimeout(look, 20);
        look();""",
        path.name,
    )


@pytest.mark.parametrize(
    ("name", "ground", "pen"),
    [
        ("dark on light.png", (255, 255, 255), (0, 0, 0)),
        ("light on dark.png", (20, 20, 20), (235, 235, 235)),
        ("coloured.png", (40, 90, 60), (240, 200, 40)),
        ("transparent.png", (0, 0, 0, 0), (0, 0, 0, 255)),
        ("light on nothing.png", (0, 0, 0, 0), (255, 255, 255, 255)),
    ],
)
def test_a_chosen_picture_is_prepared_as_the_data_were(
    browser, address, tmp_path, name, ground, pen
):
    """A bar of 40 × 100 becomes one of 8 × 20, whose mean lies where MNIST's does, at 14, 14."""
    pixels = np.full((300, 200, len(ground)), ground, np.uint8)
    pixels[150:250, 20:60] = pen
    Image.fromarray(pixels).save(tmp_path / name)
    browser.open(address)
    choose(browser, tmp_path / name)
    expected = np.zeros((28, 28))
    expected[4:24, 10:18] = 255
    assert np.array_equal(seen(browser), expected)
    assert f"{name}: the dense net says " in browser.find(".said").text


def test_an_uneven_drawing_lies_with_its_mass_in_the_middle(browser, address, tmp_path):
    """An L of 100 × 100, 20 wide: its mean is 17.5 / 50 of the side from the corner, at 7 of 20."""
    pixels = np.full((200, 200), 255, np.uint8)
    pixels[50:150, 50:70] = pixels[130:150, 50:150] = 0
    Image.fromarray(pixels).save(tmp_path / "L.png")
    browser.open(address)
    choose(browser, tmp_path / "L.png")
    rows, columns = np.nonzero(seen(browser))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (1, 20, 8, 27)
    assert abs(rows.mean() - 14) <= 0.5
    assert abs(columns.mean() - 14) <= 0.5


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no picture", "no.png is no picture that this browser can read."),
        (None, "no.png shows nothing."),
    ],
)
def test_a_file_without_a_drawing_is_refused_in_a_sentence(
    browser, address, tmp_path, content, said
):
    blank = io.BytesIO()
    Image.new("L", (50, 50), 255).save(blank, "PNG")
    (tmp_path / "no.png").write_bytes(content or blank.getvalue())
    browser.open(address)
    choose(browser, tmp_path / "no.png")
    assert browser.find(".said").text == said
    assert not seen(browser).any()
    assert browser.console() == []


def test_a_picture_can_be_dropped(browser, address):
    file = io.BytesIO()
    pixels = np.zeros((60, 60), np.uint8)
    pixels[10:50, 28:32] = 255
    Image.fromarray(pixels).save(file, "PNG")
    browser.open(address)
    browser.driver.execute_async_script(
        """const [text, done] = arguments, said = document.querySelector(".said");
        const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], "bar.png", {type: "image/png"}));
        new MutationObserver(done).observe(said, {childList: true});
        document.querySelector(".seen").dispatchEvent(
            new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));""",
        base64.b64encode(file.getvalue()).decode(),
    )
    assert browser.find(".said").text.startswith("bar.png: the dense net says ")
    # The middle of the bar lies between two pixels: both ways, it is rounded to the even one.
    (prepared,) = prepare(file.getvalue(), Recipe((28, 28), box=20, centre="mass"))
    assert prepared[4:24, 14:16].min() == 255
    assert (seen(browser) == prepared[..., 0]).all()


def test_one_steps_through_what_a_net_gets_wrong(browser, address, folder, examples):
    table = pd.read_csv(folder / "plots/evaluate/cnn_predictions.csv")
    wrong = {int(index) for index in np.flatnonzero(table["label"] != table["prediction"])}
    assert wrong <= set(examples["index"].tolist())
    pixels = dict(zip(examples["index"].tolist(), examples["x"][..., 0], strict=True))
    browser.open(address)
    browser.find(".steps select").send_keys("that the CNN")
    following, back = [], []
    for way, button in ((following, "1"), (back, "-1")):
        for _ in wrong:
            said = browser.find(".said").text
            index, label = re.match(r"Test image ([\d,]+), label (\d): ", said).groups()
            way.append(int(index.replace(",", "")))
            assert int(label) == table["label"][way[-1]]
            assert np.array_equal(seen(browser), pixels[way[-1]])
            if are_here():
                row, shown = table.loc[way[-1]], float(re.search(r"CNN says \d \((.*)%\)", said)[1])
                assert f"the CNN says {row['prediction']:.0f} " in said
                assert shown == pytest.approx(100 * row["confidence"], abs=0.051)
            press(browser, f".steps button[value='{button}']")
    assert set(following) == wrong
    assert back == [following[0], *following[:0:-1]]


def test_the_section_is_used_with_the_keyboard(browser, address):
    browser.open(address)
    focusable = browser(
        """[...document.querySelectorAll(".try *")].filter((e) => e.tabIndex >= 0)
        .map((e) => e.type || e.localName)"""
    )
    assert focusable == ["button", "file", "select-one", "button", "button"]
    before = browser.find(".said").text
    browser.find(".steps button[value='1']").send_keys(" ")
    assert browser.find(".said").text not in ("", before)


def test_both_nets_answer_within_20_milliseconds(browser, address, examples):
    browser.open(address)
    times = browser(
        """arguments[0].map((pixels) => {
            const start = performance.now();
            for (const network of networks) network.answer(pixels, [28, 28, 1]);
            return performance.now() - start; })""",
        examples["x"][:100].reshape(100, -1).tolist(),
    )
    print(f"both nets: median {np.median(times):.2f} ms, largest {max(times):.2f} ms")
    assert np.median(times) < 20


def test_without_scripts_a_sentence_says_what_would_be_there(browser, address):
    disable = "Emulation.setScriptExecutionDisabled"
    browser.driver.execute_cdp_cmd(disable, {"value": True})
    try:
        browser.open(address)
    finally:
        browser.driver.execute_cdp_cmd(disable, {"value": False})
    assert browser.find(".unscripted").text.startswith(
        "Where scripts run, you can draw a digit here"
    )
    assert browser("document.querySelector('.bench').offsetHeight") == 0


def test_the_section_is_not_printed(browser, address):
    browser.open(address)
    assert browser("document.querySelector('.try').offsetHeight") > 300
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    height = browser("document.querySelector('.try').offsetHeight")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert height == 0


def test_a_drawing_is_prepared_as_python_prepares_it(browser, address):
    """To a pixel: the mean of a symmetric digit may lie halfway between two."""
    preparation = pytest.importorskip("netserve.preparation", reason="netserve is missing")
    recipe = preparation.Recipe((28, 28), 1, 20, "mass")
    browser.open(address)
    for strokes in STROKES.values():
        draw(browser, strokes)
        picture = browser("document.querySelector('.pad canvas').toDataURL().split(',')[1]")
        (expected,) = preparation.prepare(base64.b64decode(picture), recipe)[..., 0].astype(int)
        shifted = [np.roll(expected, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        assert min(np.abs(each - seen(browser)).max() for each in shifted) <= 8
