"""The pages say what the metrics say, and nothing else."""

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from mnist_study import verdicts
from mnist_study.report.findings import SCORES
from mnist_study.report.page import find, quote_text
from mnist_study.study import NETS
from studykit.files import read_json
from studykit.params import read
from tests.built_report import build_report
from tests.tiny_study import ROOT

VERSIONS = read(ROOT / "params.yaml")["libraries"]
METRICS = {name: read_json(ROOT / path) for name, path in SCORES.items()}
METRICS["val"] = {net: read_json(ROOT / f"metrics/val/{net}.json") for net in NETS}
HISTORIES = {net: pd.read_csv(ROOT / f"plots/train_{net}/history.csv") for net in NETS}
PLOTS = ROOT / "plots"


def table_of(path, key):
    """Rows of a committed table, by what `key` says of each."""
    rows = pd.read_csv(PLOTS / path).to_dict("records")
    return {key.format(**row): row for row in rows}


TABLES = {
    "history": {net: table_of(f"train_{net}/history.csv", "{epoch}") for net in NETS},
    "layers": {net: table_of(f"evaluate/{net}_layers.csv", "{layer}") for net in NETS},
    "robustness": table_of("evaluate/robustness.csv", "{net} {kind} {amount:g}"),
}
SHAPES = {row["output"] for rows in TABLES["layers"].values() for row in rows.values()
          if "×" in row["output"]}  # fmt: skip
with pytest.MonkeyPatch.context() as patch:
    patch.chdir(ROOT)
    _, DIFFERENCES = verdicts.read_decided()
NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(?:e-?\d+)?%?")


class Page(HTMLParser):
    """What a test asks of a page.

    Attributes:
        numbers: (source, value, text) of each data element.
        prose: all text outside of them, of figures, tables, code, lists, and what is cited.
        text: all that is written.
        tags: (tag, attributes) of each element.
    """

    SILENT = ("style", "script", "svg", "data", "table", "pre", "li", "figcaption", "form", "cite")
    VOID = ("meta", "link", "img", "br", "input")

    def __init__(self, text):
        super().__init__()
        self.numbers, self.tags, self.prose = [], [], ""
        self.text = ""
        self._open, self._number = [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag not in self.VOID:
            self._open.append(tag)
        if tag == "data":
            self._number = (attributes["data-source"], attributes["value"])

    def handle_endtag(self, tag):
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if tag == "data":
            self._number = None

    def handle_data(self, data):
        if not {"style", "script", "svg"} & set(self._open):
            self.text += data
        if self._number:
            self.numbers.append((*self._number, data))
        elif not set(self.SILENT) & set(self._open):
            self.prose += data


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_report(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def html(folder):
    return (folder / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


@pytest.fixture(scope="module")
def markdown(folder):
    return (folder / "report" / "report.md").read_text(encoding="utf-8")


def digits_of(text):
    """The value that a text shows, and how far rounding may have moved it."""
    share = text.endswith("%")
    plain = text.strip("%").replace(",", "")
    mantissa, _, exponent = plain.partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0) + (2 if share else 0)
    return float(plain) / (100 if share else 1), 0.5000001 * 10**-decimals


def times(source):
    """What a number is multiplied by where it is shown: 100 where that gives percentage points."""
    if re.search(r"_minus_\w+/(difference|low|high|mean)$", source):
        return 100
    return METRICS["replicate"]["seeds"] if source.endswith("/reaches_claim/share") else 1


def test_each_number_on_the_page_is_that_of_its_source(page):
    assert len(page.numbers) > 60
    for source, value, text in page.numbers:
        expected = find(METRICS | TABLES, source)
        assert float(value) == expected, source
        if source.endswith("/p_value"):
            continue  # another test's
        shown, rounding = digits_of(text)
        assert shown == pytest.approx(times(source) * expected, abs=rounding), source


def test_differences_of_accuracies_are_in_points(page):
    texts = {source: text for source, _, text in page.numbers}
    for source in ("evaluate/cnn_minus_dense/difference", "replicate/cnn_minus_dense/mean"):
        assert re.fullmatch(r"[+-]\d+\.\d\d", texts[source]), source
        assert float(texts[source]) == round(100 * find(METRICS, source), 2)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(8.7e-51, "p < 0.001"), (0.00099, "p < 0.001"), (0.001, "p = 0.001"), (0.0312, "p = 0.031")],
)
def test_a_p_value_below_a_thousandth_is_said_to_be(value, shown):
    assert quote_text({"evaluate": {"p_value": value}}, "evaluate/p_value", "p") == shown


def test_the_page_shows_its_p_value_as_such(page):
    ((value, text),) = [(v, t) for source, v, t in page.numbers if source.endswith("/p_value")]
    assert text == ("p < 0.001" if float(value) < 0.001 else f"p = {float(value):.2g}")


def test_the_seeds_that_reach_a_claim_are_counted(html):
    seeds = METRICS["replicate"]["seeds"]
    text = " ".join(re.sub("<.*?>", "", html).split())
    for net in ("dense", "cnn"):
        reached = round(METRICS["replicate"][net]["reaches_claim"]["share"] * seeds)
        assert f"{reached} of {seeds} seeds reach the claim" in text


def test_every_claim_net_and_difference_is_on_the_page(page):
    sources = {source for source, _, _ in page.numbers}
    for claim in METRICS["claims"]:
        over_seeds = claim in METRICS["replicate"]["claims"] and not DIFFERENCES
        source = "replicate/claims" if over_seeds else "claims"
        assert f"{source}/{claim}/measured" in sources
    for net in ("dense", "cnn"):
        for measure in ("accuracy", "accuracy_low", "accuracy_high", "errors", "loss", "ece"):
            assert f"evaluate/{net}/test/{measure}" in sources
    assert "evaluate/cnn_minus_dense/difference" in sources


def test_the_prose_holds_no_number_of_its_own(page):
    prose = page.prose.replace("MD5", "").replace("0–255", "").partition("Versions:")[0]
    prose = re.sub("|".join(SHAPES), "", prose)
    confidence, classes = "95%", "10"  # of the intervals; how many
    sides = {"28", "56"}  # of an image and of what is shown of it, in pixels
    assert set(NUMBER.findall(prose)) == {confidence, classes} | sides


def test_the_script_does_not_round_what_is_rounded_already(html):
    (text,) = re.findall(r'id="histories">(.*?)</script>', html)
    for net, rows in json.loads(text).items():
        history = pd.read_csv(ROOT / f"plots/train_{net}/history.csv")
        pd.testing.assert_frame_equal(pd.DataFrame(rows), history, rtol=0, atol=1e-14)


def test_the_versions_are_named(page):
    for name, version in VERSIONS.items():
        assert f"{name} {version}" in page.prose


def test_the_cells_of_the_confusion_matrices_count_the_predictions(page):
    for net in ("dense", "cnn"):
        table = pd.read_csv(ROOT / f"plots/evaluate/{net}_predictions.csv")
        errors = table[table["label"] != table["prediction"]]
        expected = errors.groupby(["label", "prediction"]).size().to_dict()
        cells = [a for tag, a in page.tags if tag == "a" and a.get("data-net") == net]
        shown = {
            (int(a["data-label"]), int(a["data-prediction"])): int(a["aria-label"].split(": ")[1])
            for a in cells
        }
        assert shown == expected


def test_the_gallery_holds_every_digit_that_a_net_misreads(page):
    items = [a for tag, a in page.tags if tag == "li" and "data-label" in a]
    for place, net in enumerate(("dense", "cnn")):
        wrong = sum(item["data-said"].split()[place] != item["data-label"] for item in items)
        assert wrong == METRICS["evaluate"][net]["test"]["errors"]


def test_the_page_asks_nothing_of_anyone(page):
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:")), attributes
    assert not {"iframe", "object", "embed"} & {tag for tag, _ in page.tags}


def test_the_page_is_small_and_its_ids_are_unique(html, page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(html.encode()) < 3_000_000
    assert len(ids) == len(set(ids))


def test_each_picture_has_a_text_that_stands_for_it(page):
    pictures = [a for tag, a in page.tags if tag == "img"]
    assert all(re.match(r"One digit, label \d", a["alt"]) for a in pictures)
    drawn = [a["aria-label"] for _, a in page.tags if a.get("role") == "img"]
    assert sum(tag == "svg" for tag, _ in page.tags) == len(drawn) == len(set(drawn)) == 15
    assert all(len(NUMBER.findall(text)) > 2 for text in drawn)  # what is seen, with its numbers


def test_the_text_that_stands_for_the_curves_has_their_ends_and_their_turn(page):
    drawn = [a["aria-label"] for _, a in page.tags if a.get("role") == "img"]
    (text,) = [text for text in drawn if text.startswith("Loss by epoch")]
    for net, title in zip(NETS, ("dense net", "CNN"), strict=True):
        train, val = (HISTORIES[net][f"{split}/loss"] for split in ("train", "val"))
        assert (
            f"The {title}: on training images from {train.iloc[0]:.3f} to {train.iloc[-1]:.3f}, "
            f"on validation images from {val.iloc[0]:.3f} to {val.iloc[-1]:.3f}; {val.min():.3f} "
            f"after epoch {val.argmin() + 1}, where validation loss is lowest."
        ) in text


def test_the_settings_are_those_of_the_parameters(html, page):
    params = read(ROOT / "params.yaml")
    cells = [a["data-setting"] for tag, a in page.tags if "data-setting" in a]
    assert set(cells) == set(params["train_dense"]) | set(params["train_cnn"])
    rows = re.findall(r'<td data-setting="(\w+)">(.*?)</td>', html)
    for place, net in enumerate(NETS):
        section = params[f"train_{net}"]
        for key, shown in rows[place::2]:
            value = section.get(key, "–")
            if isinstance(value, list):
                value = ", ".join(map(str, value))
            assert shown == {"True": "yes", "False": "no"}.get(str(value), str(value)), key


@pytest.mark.parametrize(
    "term",
    ["batch", "learning rate", "epoch", "seed", "loss", "nat", "interval", "overfitting",
     "confidence", "calibration error"],
)  # fmt: skip
def test_a_term_is_explained_where_it_occurs(html, term):
    assert re.search(rf"<dfn[^>]*>{term}</dfn>", html)


def test_the_page_says_why_one_net_overfits_and_the_other_wins(page):
    text = " ".join(page.text.split())
    assert "The CNN does not clearly overfit After the last of 20 epochs" in text
    dense = text.partition("The dense net overfits After")[2].partition("The CNN does not")[0]
    train, val = (HISTORIES["dense"][f"{split}/loss"] for split in ("train", "val"))
    lowest = val.argmin()
    assert f"lowest, {val.min():.3f}, after epoch {lowest + 1}." in dense
    assert (
        f"rose to {val.iloc[-1]:.3f}, while the loss on the training images fell from "
        f"{train[lowest]:.3f} to {train.iloc[-1]:.3f}"
    ) in dense
    assert "it has no dropout" in dense
    why = text.partition("Why the CNN wins")[2]
    assert "520 parameters in its first layer, 23,550 in that of the dense net." in why
    assert "24×24×20 answers become 12×12×20." in why
    shifted = {net: TABLES["robustness"][f"{net} shift 4"]["accuracy"] for net in NETS}
    assert f"Shifted by 4 pixels: the dense net still gets {shifted['dense']:.2%} right" in why
    assert f"and the CNN {shifted['cnn']:.2%}" in why


@pytest.mark.slow
def test_the_same_results_give_the_same_bytes(folder, tmp_path):
    again = build_report(tmp_path)
    written = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file()]
    assert len(written) > 30
    for path in written:
        assert (again / path).read_bytes() == (folder / path).read_bytes(), path


def test_the_markdown_says_the_same(markdown):
    evaluate = METRICS["evaluate"]
    decided = METRICS["claims"] | ({} if DIFFERENCES else METRICS["replicate"]["claims"])
    for name, claim in decided.items():
        form = "{:.2%}" if claim["claimed"] < 1 else "{:,}"
        row = (
            rf"\| .* \| {re.escape(form.format(claim['measured']))} \| .* \| {claim['verdict']} \|"
        )
        assert re.search(row, markdown), name
    for net, title in (("dense", "dense net"), ("cnn", "CNN")):
        test, val = evaluate[net]["test"], METRICS["val"][net]
        assert (
            f"| {title} | {val['parameters']:,} | {val['accuracy']:.2%} "
            f"| {test['accuracy']:.2%} | {test['accuracy_low']:.2%} to {test['accuracy_high']:.2%} "
            f"| {test['errors']} | {test['ece']:.2%} |"
        ) in markdown
    difference = evaluate["cnn_minus_dense"]["difference"]
    assert f"| CNN less dense net | {100 * difference:+.2f} |" in markdown


def test_the_sentences_of_the_page_speak_of_mnist(page, markdown):
    text = " ".join(page.text.split())
    accuracy = {net: METRICS["evaluate"][net]["test"]["accuracy"] for net in ("dense", "cnn")}
    difference = METRICS["evaluate"]["cnn_minus_dense"]
    assert "Two networks classify the digits of MNIST" in text
    wrong = {net: METRICS["evaluate"][net]["test"]["errors"] for net in NETS}
    for net, title in zip(NETS, ("dense net", "CNN"), strict=True):
        assert (
            f"The {title} gets {accuracy[net]:.2%} of 10,000 test digits right; "
            f"{wrong[net]} are wrong."
        ) in text
    points = [f"{100 * difference[key]:+.2f}" for key in ("difference", "low", "high")]
    assert (
        f"They saw the same images: a difference of {points[0]} points ({points[1]} to "
        f"{points[2]}), more than chance explains. Why? The CNN looks for the same small shapes "
        "everywhere in an image (520 parameters in its first layer); the dense net has to learn "
        "each place anew (23,550) and overfits."
    ) in text
    assert "Each network takes raw images, 28 × 28 pixels of intensity 0–255" in text
    assert "Only the CNN gets these right; shown is what the dense net says" in text
    assert "Every digit that a net gets wrong" in text
    assert markdown.startswith("# Two networks classify the digits of MNIST\n")
