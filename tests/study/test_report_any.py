"""The page and the figures of other images, other classes, and any number of nets."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from mnist_study.report.page import find, key, picture
from tests.made_results import make_page, some
from tests.study.test_report import Page

DIGITS = [str(digit) for digit in range(10)]
GARMENTS = ["T-shirt/top", "Trouser", "Pullover", "Ankle boot"]
LETTERS = [chr(code) for code in (*range(48, 58), *range(65, 91), *range(97, 108))]
ODD = ["<b>T-shirt/top & co.", "50 $ or 60 $", "a.b/c~d", "靴"]


class Made:
    """Pages of made results.

    Attributes:
        results: Findings.
        html, markdown: text of the pages.
        page: Page.
        text: what is written on it, in one line.
        figures: names of the files of figures.
    """

    def __init__(self, folder, **made):
        self.results = make_page(folder, **made)
        self.html = (folder / "report/index.html").read_text(encoding="utf-8")
        self.markdown = (folder / "report/report.md").read_text(encoding="utf-8")
        self.page = Page(self.html)
        self.text = " ".join(self.page.text.split())
        self.folder = folder / "plots/report"
        files = self.folder.rglob("*.png")
        self.figures = {path.relative_to(self.folder).as_posix() for path in files}

    def all(self, tag, **having):
        """Attributes of each element of a tag that has these."""
        elements = [a for t, a in self.page.tags if t == tag]
        return [a for a in elements if having.items() <= a.items()]


def made_once(**made):
    """A fixture of pages that are made once."""

    @pytest.fixture(scope="module")
    def pages(tmp_path_factory):
        return Made(tmp_path_factory.mktemp("made"), **made)

    return pages


alone = made_once(
    nets=some(1), classes=DIGITS, noun="digit", title="MNIST", shape=(8, 8, 1), epochs=1
)
three = made_once(
    nets=some(3), classes=GARMENTS, noun="garment", title="Fashion-MNIST", shape=(64, 96, 3),
    repeated=["dense", "cnn"], claims=["cnn_accuracy"],
    differences=["data.name is another"],
)  # fmt: skip
five = made_once(
    nets=some(5), classes=GARMENTS, repeated=[*some(5)], claims=["dense_overfit_epoch"]
)
letters = made_once(
    nets=some(2), classes=LETTERS, noun="letter", title="Letters", tests=1000, right=0.7
)
odd = made_once(
    nets=some(2), classes=ODD, shape=(32, 32, 3), title="Pets & co.",
    repeated=["another", "and_another"], right=0.9, step=-0.1, weak=[("dense", "shift")],
)  # fmt: skip


@pytest.fixture
def pages(request):
    return request.getfixturevalue(request.param)


EVERY = ["alone", "three", "five", "letters", "odd"]
every = pytest.mark.parametrize("pages", EVERY, indirect=True)


@every
def test_each_number_is_that_of_its_source_whatever_the_classes_are_called(pages):
    assert len(pages.page.numbers) > 25
    for source, value, _ in pages.page.numbers:
        assert float(value) == find(pages.results.numbers, source), source


@every
def test_every_class_is_on_the_page_in_full(pages):
    rows = re.findall(r'<th scope="row" class="plain">(.*?)</th>', pages.html)
    names = [Page(row).text for row in rows]
    assert [name for name in names if name in pages.results.classes] == pages.results.classes


@every
def test_no_ink_lies_on_the_border_of_a_figure(pages):
    assert len(pages.figures) >= 9
    for name in pages.figures:
        with Image.open(pages.folder / name) as picture:
            pixels = np.asarray(picture.convert("L"))
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert (border > 250).all(), name


@every
def test_nothing_speaks_of_what_is_not_in_the_data(pages):
    about = pages.results.data
    if about["noun"] != "digit":
        assert "digit" not in pages.text
        assert "digit" not in pages.markdown
    if "MNIST" not in about["title"]:
        assert "mnist" not in pages.text.lower()
        assert "mnist" not in pages.markdown.lower()


@every
def test_ids_are_unique_and_each_link_within_the_page_leads_somewhere(pages):
    ids = [attributes["id"] for _, attributes in pages.page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {a["href"] for a in pages.all("a")} | {a["xlink:href"] for a in pages.all("use")}
    assert {target.removeprefix("#") for target in targets} <= set(ids)


@pytest.mark.parametrize(
    ("pages", "sentences"),
    [
        (
            "alone",
            [
                "One network classifies the digits of MNIST",
                "The network takes raw images, 8 × 8 pixels of intensity 0–255",
                "How far can it be trusted?",
                "The network on the test images",
                "Every digit that the net gets wrong",
            ],
        ),
        (
            "three",
            [
                "Three networks classify the garments of Fashion-MNIST",
                "Each network takes raw images, 64 × 96 pixels of three colours, each of intensity",
                "All three networks on the test images",
                "Only the softmax regression gets these right",
            ],
        ),
        ("five", ["Five networks classify the images of Shapes"]),
        ("letters", ["Every letter that a net gets wrong", "No claims are made of Letters"]),
    ],
    indirect=["pages"],
)
def test_sentences_follow_the_data_and_the_number_of_nets(pages, sentences):
    for sentence in sentences:
        assert sentence in pages.text


def test_the_answer_names_the_nets_by_their_accuracy(five):
    nets = {net: five.results.metrics["evaluate"][net]["test"]["accuracy"] for net in some(5)}
    order = sorted(nets, key=lambda net: -nets[net])
    places = [five.text.index(f"The {some(5)[net]} gets {nets[net]:.2%}") for net in order]
    assert places == sorted(places)
    assert "a difference of" not in five.text


def test_a_lone_net_has_neither_differences_nor_disagreements(alone):
    assert "minus" not in alone.html
    assert "disagree" not in alone.text
    assert "disagreements.png" not in alone.figures
    assert alone.all("select", name="by") == []


@pytest.mark.parametrize(
    ("pages", "pairs"),
    [
        ("three", ["CNN less dense net", "softmax regression less dense net"]),
        ("five", ["CNN less dense net", "wide dense net less dense net"]),
    ],
    indirect=["pages"],
)
def test_differences_are_in_a_table_a_row_for_each_pair(pages, pairs):
    number = {3: 3, 5: 4}[len(pages.results.histories)]
    assert pages.markdown.count(" less ") == number
    sources = [source for source, *_ in pages.page.numbers if source.endswith("/p_value")]
    assert len(sources) == len(set(sources)) == number
    for pair in pairs:
        assert pair in pages.text
        assert f"| {pair} |" in pages.markdown


def test_a_lead_of_the_first_net_is_a_positive_difference(odd):
    accuracy = {n: odd.results.metrics["evaluate"][n]["test"]["accuracy"] for n in some(2)}
    points = 100 * (accuracy["dense"] - accuracy["cnn"])
    assert points > 5
    found = re.search(r"a difference of (\S+) points \((\S+) to ([^ )]+)\)", odd.text)
    difference, low, high = map(float, found.groups())
    assert difference == pytest.approx(points, abs=0.005)
    assert low < difference < high


def test_each_net_has_its_figure_and_its_filter(five):
    assert {f"{net}/curves.png" for net in some(5)} <= five.figures
    assert {"curves.png", "robustness.png", "accuracy_by_class.png"} <= five.figures
    options = [a["value"] for a in five.all("option") if a.get("value") in set("01234") | {"all"}]
    assert options[:6] == ["all", "0", "1", "2", "3", "4"]
    assert len(five.all("div", **{"data-metric": "loss"})) == 1
    lines = {f"all-loss-{net}-{split}" for net in some(5) for split in ("train", "val")}
    assert lines <= {a.get("id") for _, a in five.page.tags}


overfitted = made_once(
    nets={"cnn": "CNN", "wide": "wide dense net"}, classes=DIGITS, noun="digit", gap=0.2, right=0.9,
    step=-0.3,
)  # fmt: skip


def test_whether_a_net_overfits_is_said_by_its_curves(overfitted, five):
    for title in ("CNN", "wide dense net"):
        assert f"The {title} overfits" in overfitted.text
        assert f"The {title} does not clearly overfit" in five.text
    assert "the CNN and the wide dense net get clearly more training than validation" in (
        overfitted.text
    )
    assert overfitted.text.count("it has no dropout") == 1  # the wide net
    assert "overfitting" not in five.text.partition("How they learn")[2].partition("Is it luck")[0]


def test_one_epoch_is_no_curve(alone):
    assert "The dense net learnt for one epoch After its only epoch it gets" in alone.text
    assert "whether it would overfit cannot be seen" in alone.text
    assert "lowest" not in alone.text.partition("How it learns")[2].partition("Is it luck")[0]


def test_a_net_with_a_convolution_is_explained_where_there_is_another(overfitted, odd, alone):
    assert "Why the CNN wins" in overfitted.text
    layers = {net: overfitted.results.weighted(net).iloc[0].parameters for net in ("cnn", "wide")}
    assert (
        f"{layers['cnn']:,} parameters in its first layer, {layers['wide']:,} in that of the wide "
        "dense net."
    ) in overfitted.text
    assert "That is what shared weights and pooling promise." not in overfitted.text  # too near
    assert "Why the CNN wins" not in odd.text  # the dense net is better
    assert "What sets the CNN apart" in odd.text
    assert "Shared weights" not in alone.text


def test_the_best_under_a_disturbance_is_the_one_whose_interval_lies_above_all_others(odd):
    shifted = odd.text.partition("Shifted by 4 pixels")[2].partition("Turned by")[0]
    assert "The CNN is clearly the best. That is what shared weights and pooling promise." in (
        shifted
    )
    turned = odd.text.partition("Turned by 40 degrees")[2].partition("With noise")[0]
    assert "None is clearly the best." in turned


def test_settings_of_any_net_are_in_the_table_known_or_not(five):
    assert "odd one" in five.text
    cells = five.all("td", **{"data-setting": "odd_one"})
    assert len(cells) == 5
    assert re.findall(r'data-setting="odd_one">(.*?)<', five.html) == ["–"] * 4 + ["x"]
    assert five.all("td", **{"data-setting": "learning_rate"}) == []


def test_the_gallery_says_what_each_net_answered(five):
    items = [a for a in five.all("li") if "data-said" in a]
    for place, net in enumerate(some(5)):
        wrong = sum(a["data-said"].split()[place] != a["data-label"] for a in items)
        assert wrong == five.results.metrics["evaluate"][net]["test"]["errors"]


def test_few_classes_are_a_table_of_confusion_many_a_list(three, letters):
    assert len(three.all("table", **{"class": "confusion "})) == 0
    assert len(three.all("table", **{"class": "confusion named"})) == 3
    assert len(letters.all("table", **{"class": "confusion named"})) == 0
    for net in some(2):
        expected = letters.results.errors(net)[:30]
        shown = [
            (int(a["data-label"]), int(a["data-prediction"]))
            for a in letters.all("a", **{"data-net": net})
        ]
        assert shown == [(label, prediction) for label, prediction, _ in expected]
        counts = [count for *_, count in letters.results.errors(net)]
        assert counts == sorted(counts, reverse=True)
        assert sum(counts) == letters.results.metrics["evaluate"][net]["test"]["errors"]


def test_the_name_of_a_class_is_text_and_never_markup(odd):
    assert "<b>" not in odd.html
    assert odd.text.count("<b>T-shirt/top & co.") > 10
    assert odd.all("option", value="0")
    alts = [a["alt"] for a in odd.all("img")]
    assert "One image, label <b>T-shirt/top & co." in alts


def test_a_key_may_hold_what_separates_keys():
    name = "a.b/c~d~1"
    assert find({"evaluate": {name: {"x": 7}}}, f"evaluate/{key(name)}/x") == 7


def test_repetitions_of_other_nets_are_left_out(odd):
    assert "There are no repetitions of this study with other seeds" in odd.text
    assert not {"seeds_accuracy.png", "seeds_loss.png"} & odd.figures
    assert "another" not in odd.text.replace("one another", "")
    assert "Over 4 seeds" not in odd.markdown


def test_repetitions_of_some_nets_are_shown_of_those(three):
    drawn = [a["id"] for _, a in three.page.tags if "seeds-accuracy" in a.get("id", "")]
    assert any("seeds-accuracy-cnn" in each for each in drawn)
    assert not any("softmax" in each for each in drawn)
    assert "Of another study than the rest of this page: data.name is another" in three.text
    seeds = three.text.partition("With other seeds")[2].partition("A test of it")[0]
    assert three.all("form", **{"class": "seeds"}) == []  # of another study: nothing to choose
    assert "the CNN gets" in seeds
    assert "softmax" not in seeds


def test_without_claims_there_are_no_cards_and_no_rules(letters):
    assert letters.all("ul", **{"class": "claims"}) == []
    assert "The rules of the verdicts" not in letters.text
    assert "No claims are made of Letters" in letters.markdown


@pytest.mark.parametrize(
    ("pages", "shown", "stored"),
    [
        ("alone", (56, 56), (8, 8)),
        ("five", (56, 56), (28, 28)),
        ("odd", (64, 64), (32, 32)),
        ("three", (96, 64), (96, 64)),
    ],
    indirect=["pages"],
)
def test_pictures_are_shown_at_a_size_at_which_they_can_be_seen(pages, shown, stored):
    for attributes in pages.all("img"):
        assert (int(attributes["width"]), int(attributes["height"])) == shown
        content = base64.b64decode(attributes["src"].partition(",")[2])
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.size == stored


def test_a_large_image_is_made_smaller():
    _, width, height = picture(np.zeros((200, 300, 1), np.uint8))
    assert (width, height) == (128, 85)


def test_colours_are_shown_as_they_are_and_grey_black_on_white(odd, alone):
    for pages in (odd, alone):
        (first, *_) = pages.all("img")
        content = base64.b64decode(first["src"].partition(",")[2])
        image = pages.results.first_images[0, 0]
        with Image.open(io.BytesIO(content)) as picture:
            pixels = np.asarray(picture)
        expected = image if image.shape[-1] == 3 else 255 - image[..., 0]
        assert np.array_equal(pixels, expected)
