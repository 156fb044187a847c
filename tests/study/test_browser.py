"""The pages in a real browser: headless Chromium, with nothing but files to load."""

import base64
import json
import os
import re
import shutil
import signal
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pytest

from imagesets.catalogue import Prepare
from studykit.files import read_json
from tests.built_report import build_report
from tests.made_results import make_page, some
from tests.processes import processes_of
from tests.tiny_study import ROOT

pytest.importorskip("selenium", reason="selenium is missing: it is in requirements.lock")
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.slow

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


# JavaScript: texts that are wider than their boxes.
CUT = """[...document.querySelectorAll(
        "th, td, p, h1, h2, h3, figcaption, .claims li, .pictures li")]
    .filter((box) => box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0)
    .map((box) => box.textContent.slice(0, 60))"""

# JavaScript: all that is written on a page, and in its fields.
SHOWN = """document.body.innerText
    + [...document.querySelectorAll("input")].map((field) => field.value).join(" ")"""


class Browser:
    """Chromium, whose console and requests can be asked for."""

    def __init__(self, chromium, driver, profile):
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(driver))

    def open(self, address, *, width=1400, scheme="light"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.get("about:blank")
        self.console(), self.requests()  # what went before
        self.driver.get(address)

    def __call__(self, script, *arguments):
        """The value of a JavaScript expression."""
        return self.driver.execute_script(f"return {script}", *arguments)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def console(self):
        """Errors since the page was opened."""
        return [e["message"] for e in self.driver.get_log("browser") if e["level"] == "SEVERE"]

    def requests(self):
        """Addresses that were asked for since the page was opened."""
        events = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    driver = shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium or chromedriver is missing: apt-get install chromium chromium-driver")
    started = Browser(chromium, driver, tmp_path_factory.mktemp("profile"))
    yield started
    started.driver.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return (build_report(tmp_path_factory.mktemp("page")) / "report/index.html").as_uri()


NAMES = ["<b>T-shirt/top & co.", "Trouser", "Pullover", "Ankle boot"]
MADE = {
    "one net": {"nets": some(1), "classes": NAMES},
    "five nets": {
        "nets": some(5),
        "classes": [*NAMES, *(f"class {n}" for n in range(16))],
        "prepare": Prepare(box=20, centre="mass"),
    },
    "47 classes": {"nets": some(3), "classes": [f"letter {n}" for n in range(47)], "tests": 800},
    "colour": {"nets": some(2), "classes": NAMES, "shape": (64, 96, 3)},
}


@pytest.fixture(scope="module", params=MADE)
def made(request, tmp_path_factory):
    """Results of other images and nets, and the address of their page."""
    folder = tmp_path_factory.mktemp("made")
    results = make_page(folder, **MADE[request.param])
    return results, (folder / "report/index.html").as_uri()


@pytest.mark.parametrize("width", [400, 1400])
def test_a_page_of_any_results_fits_its_window_and_cuts_no_text(browser, made, width):
    browser.open(made[1], width=width)
    assert browser("document.documentElement.scrollWidth") <= width
    assert browser.console() == []
    assert browser(CUT) == []
    heights = browser("[...document.images].map((image) => image.clientHeight)")
    assert min(heights) >= 28
    assert browser("[...document.images].every((image) => image.naturalWidth > 0)")


def test_the_filter_of_any_nets_counts_what_each_gets_wrong(browser, made):
    results, address = made
    browser.open(address)
    wrong = [set(results.wrong(net).tolist()) for net in results.histories]
    expected = {str(place): len(each) for place, each in enumerate(wrong)}
    expected |= {"any": len(set.union(*wrong)), "all": len(set.intersection(*wrong))}
    if len(wrong) == 1:
        expected = {"": len(wrong[0])}  # nothing to choose
    for by, count in expected.items():
        shown = browser(
            """((by) => {
            const form = document.querySelector(".filters");
            if (by) form.elements.by.value = by;
            form.dispatchEvent(new Event("change"));
            return document.querySelectorAll("#every-error li:not([hidden])").length;
            })(...arguments)""",
            by,
        )
        assert shown == count, by


def test_a_number_opens_the_images_behind_it_with_any_nets(browser, made):
    results, address = made
    browser.open(address)
    for net in results.histories:
        label, prediction, count = results.errors(net)[0]
        cell = browser.find(
            f'a[data-net="{net}"][data-label="{label}"][data-prediction="{prediction}"]'
        )
        browser("arguments[0].click()", cell)
        assert browser("document.querySelectorAll('#behind img').length") == count
        name = results.classes[label]
        assert f"takes {name} for " in browser.find("#behind-title").text
        browser.find("#behind button").click()


def test_any_nets_answer_on_any_images(browser, made):
    results, address = made
    browser.open(address)
    assert browser.find(".said").text.count(" says ") == len(results.networks)
    assert browser("networks.length") == len(results.networks)
    assert browser("document.querySelectorAll('.pad').length") == bool(results.data["prepare"])
    rows = browser("document.querySelectorAll('.answers tr').length")
    assert rows == min(12, len(results.classes)) * len(results.networks)
    assert browser("document.querySelectorAll('.maps figure').length") > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 800, 1400])
def test_the_page_fits_its_window_and_asks_nothing_of_anyone(browser, report, width, scheme):
    browser.open(report, width=width, scheme=scheme)
    assert browser("document.documentElement.scrollWidth") <= width
    assert browser.console() == []
    assert [url for url in browser.requests() if not url.startswith("data:")] == [report]
    background = browser("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 23, 26)"}[scheme]


@pytest.mark.parametrize("width", [400, 1400])
def test_no_text_is_cut_by_its_box(browser, report, width):
    browser.open(report, width=width)
    assert browser(CUT) == []


def test_pointing_at_a_curve_gives_the_values_of_its_epoch(browser, report):
    browser.open(report)
    panel = browser.find('[data-metric="loss"]')
    browser("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", panel)
    x, y = browser(
        """(() => { const box = arguments[0].querySelector("#all-loss-dense-val use:nth-of-type(6)")
        .getBoundingClientRect(); return [box.x + box.width / 2, box.y - 30]; })()""",
        panel,
    )
    browser.driver.execute_cdp_cmd(
        "Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y}
    )
    values = [
        f"{net} train {row['train/loss']:.4f}, val {row['val/loss']:.4f}"
        for net in ("dense", "cnn")
        for row in [pd.read_csv(ROOT / f"plots/train_{net}/history.csv").set_index("epoch").loc[6]]
    ]
    shown = browser("arguments[0].querySelector('output').textContent", panel)
    assert shown == f"epoch 6: {'; '.join(values)}"


def test_arrow_keys_move_along_a_curve(browser, report):
    browser.open(report)
    panel = browser.find('[data-metric="accuracy"]')
    panel.send_keys(Keys.ARROW_LEFT)
    history = pd.read_csv(ROOT / "plots/train_cnn/history.csv")
    shown = browser("arguments[0].querySelector('output').textContent", panel)
    assert shown.startswith(f"epoch {len(history) - 1}: dense train ")
    assert shown.endswith(f"val {history['val/accuracy'].iloc[-2]:.2%}")


def test_a_slider_picks_a_seed_out_of_its_curves_and_points(browser, report):
    browser.open(report)
    slider = browser.find(".seeds input")
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    trials = pd.read_csv(ROOT / "replication/trials.csv").set_index("trial").sort_index()
    histories = pd.read_csv(ROOT / "replication/histories.csv").set_index("trial")
    third, said = trials.index.unique()[2], []
    for net in ("dense", "cnn"):
        accuracies = trials[trials["net"] == net]["test/accuracy"]
        curve = histories[histories["net"] == net].loc[third].set_index("epoch")["val/loss"]
        said.append(
            f"{net} {accuracies[third]:.2%} right, loss lowest after epoch {curve.idxmin()}"
        )
        lower = (accuracies < accuracies[third]).sum()
        points = browser(
            f"[...document.querySelectorAll('#seeds-accuracy-{net}-seeds use')]"
            ".map((point) => point.classList.contains('chosen'))"
        )
        assert points.count(True) == 1
        assert points.index(True) >= lower
        assert browser(f"document.querySelector('#seeds-loss-{net}-seed-2').classList.value")
    (seed,) = trials.loc[[third], "weights_seed"].unique()
    assert browser.find(".seeds output").text == f"seed {seed}: {'; '.join(said)}"
    assert browser("document.querySelectorAll('.chosen').length") == 4


def test_no_figure_is_cut_or_scrolled_on_a_telephone(browser, report):
    browser.open(report, width=400)
    beyond = browser(
        "[...document.querySelectorAll('.panel svg')].filter((svg) => "
        "svg.getBoundingClientRect().right > 400 || svg.getBoundingClientRect().width < 300).length"
    )
    assert beyond == 0
    letters = browser(
        """[...document.querySelectorAll(".panel svg text")].map((text) =>
        parseFloat(getComputedStyle(text).fontSize) *
        Math.hypot(text.getScreenCTM().b, text.getScreenCTM().d))"""
    )
    assert len(letters) > 200
    assert min(letters) > 7.5


def test_all_of_the_page_is_printed_on_eight_pages(browser, report):
    browser.open(report)
    printed = base64.b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert 4 < len(re.findall(rb"/Type\s*/Page\b", printed)) <= 8


def test_a_cell_opens_the_images_behind_it(browser, report):
    browser.open(report)
    cell = browser.find('.confusion a[data-net="dense"]')
    count = int(cell.text)
    browser("arguments[0].click()", cell)
    assert browser("document.getElementById('behind').open")
    assert browser("document.querySelectorAll('#behind img').length") == count
    label = browser("arguments[0].dataset.label", cell)
    labels = browser("[...document.querySelectorAll('#behind li')].map((i) => i.dataset.label)")
    assert set(labels) == {label}
    browser.find("#behind button").click()
    assert not browser("document.getElementById('behind').open")


def test_the_filter_leaves_what_was_asked_for(browser, report):
    browser.open(report)
    table = {
        net: pd.read_csv(ROOT / f"plots/evaluate/{net}_predictions.csv") for net in ("dense", "cnn")
    }
    wrong = {net: t["label"] != t["prediction"] for net, t in table.items()}
    four = table["cnn"]["label"] == 4
    expected = {
        ("1", "", ""): wrong["cnn"],
        ("all", "", ""): wrong["cnn"] & wrong["dense"],
        ("0", "4", "9"): wrong["dense"] & four & (table["dense"]["prediction"] == 9),
        ("any", "4", ""): (wrong["dense"] | wrong["cnn"]) & four,
    }
    for (by, label, prediction), mask in expected.items():
        shown = browser(
            """((by, label, prediction) => {
            const form = document.querySelector(".filters");
            Object.assign(form.elements.by, {value: by});
            Object.assign(form.elements.label, {value: label});
            Object.assign(form.elements.prediction, {value: prediction});
            form.dispatchEvent(new Event("change"));
            return [document.querySelectorAll("#every-error li:not([hidden])").length,
                form.querySelector("output").textContent];
            })(...arguments)""",
            by,
            label,
            prediction,
        )
        assert shown == [mask.sum(), f"{mask.sum()} shown"], (by, label, prediction)


def test_without_scripts_all_is_there_but_the_controls(browser, report):
    disable = "Emulation.setScriptExecutionDisabled"
    browser.driver.execute_cdp_cmd(disable, {"value": True})
    try:
        browser.open(report)
    finally:
        browser.driver.execute_cdp_cmd(disable, {"value": False})
    assert browser("document.querySelectorAll('output.readout').length") == 0
    assert browser("document.querySelector('.filters').offsetHeight") == 0
    assert browser("document.querySelector('.hint').offsetHeight") == 0
    heights = browser("[...document.querySelectorAll('svg')].map((svg) => svg.clientHeight)")
    assert min(heights) > 100
    errors = read_json(ROOT / "plots/evaluate/scores.json")["dense"]["test"]["errors"]
    assert browser("document.querySelectorAll('#every-error img').length") >= errors


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_to_mend(browser, report, scheme):
    axe = os.environ.get("AXE")
    if not axe:
        pytest.skip("AXE names no axe.min.js: npm install axe-core, in a folder of its own")
    browser.open(report, scheme=scheme)
    browser.driver.execute_script(Path(axe).read_text(encoding="utf-8"))
    violations = browser.driver.execute_async_script(
        """const done = arguments[0];
        axe.run().then(({violations}) => done(violations.map(
            ({id, nodes}) => [id, ...nodes.map((node) => node.html.slice(0, 120))])));"""
    )
    assert violations == []


def test_dvc_shows_its_plots_offline(browser, tiny_repro):
    tiny_repro.study("dvc plots show -o plots-page")
    page = tiny_repro.study.root / "plots-page" / "index.html"
    browser.open(page.as_uri())
    assert browser.console() == []
    urls = browser.requests()
    assert urls
    assert all(url.startswith(("file:", "data:")) for url in urls)
    drawn = browser("document.querySelectorAll('.vega-embed canvas').length")
    assert drawn == 9
    pictures = browser("[...document.images].map((image) => image.naturalWidth)")
    figures = list((tiny_repro.study.root / "plots/report").rglob("*.png"))
    assert len(pictures) == len(figures) > 10
    assert min(pictures) > 100


@contextmanager
def serving_mlflow(study):
    """MLflow's pages on a study's runs, as `mnist-study ui` serves them; the address it prints."""
    server = study.start("exec mnist-study ui")
    try:
        yield server.stdout.readline().strip()
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 130
        server.stdout.close()


def test_mlflows_table_says_how_good_each_net_is(browser, study):
    study("mnist-study sync")
    expected = {
        "tags.kind = 'pipeline'",
        "1 matching run",
        "mnist-train",
        "dvc.yaml",
    }
    for net in ("dense", "cnn"):
        scores = json.loads(study.read(f"metrics/test/{net}.json"))
        expected |= {f"{net} test accuracy", f"{scores['accuracy']:.6g}"}
    with serving_mlflow(study) as address:
        browser.open(address, width=2600)
        WebDriverWait(browser.driver, 120).until(
            lambda _: all(text in browser(SHOWN) for text in expected),
            f"the page shows not all of {expected}",
        )
        assert processes_of(f"sqlite:///{study.root}")
    assert not processes_of(f"sqlite:///{study.root}")  # nothing serves on


def test_mlflow_compares_both_nets(browser, tiny_repro):
    database = sqlite3.connect(tiny_repro.study.root / "mlflow.db")
    with closing(database):
        rows = database.execute(
            "select r.run_uuid, r.name, r.experiment_id from runs r join tags t using (run_uuid) "
            "where t.key = 'dvc.stage' and t.value in ('train_dense', 'train_cnn')"
        ).fetchall()
    (experiment,) = {str(row[2]) for row in rows}
    runs = json.dumps([row[0] for row in rows])
    query = quote(f"runs={runs}&experiments={json.dumps([experiment])}", safe="=&")
    expected = {"Comparing 2 Runs from 1 Experiment", *(name for _, name, _ in rows)}
    for net in ("dense", "cnn"):
        metrics = json.loads(tiny_repro.study.read(f"metrics/val/{net}.json"))
        expected.add(str(metrics["parameters"]))
    with serving_mlflow(tiny_repro.study) as address:
        browser.open(f"{address.partition('/#')[0]}/#/compare-runs?{query}")
        WebDriverWait(browser.driver, 60).until(
            lambda _: all(text in browser.find("body").text for text in expected),
            f"the page shows not all of {expected}",
        )
