"""Which verdicts count: those over seeds only where the seeds are of the study at hand."""

import json
import re
import shutil
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest

from imagesets.catalogue import FILE, find
from mnist_study import replication, verdicts
from mnist_study.commands import claims as claims_command
from mnist_study.report.findings import SCORES
from mnist_study.scores import claims
from studykit.errors import UserError
from studykit.files import write_csv, write_json
from studykit.params import read
from tests.tiny_study import ROOT, edit_yaml

PARAMS = read(ROOT / "params.yaml")
UNITS = PARAMS["train_dense"]["units"]
MNIST = find("mnist", ROOT / FILE)
FIT = "src/mnist_study/training/fit.py"
NETS = ("dense", "cnn")


def history(net, seed):
    """Three epochs of made numbers, others for each net and seed."""
    rng = np.random.default_rng([NETS.index(net), seed])
    names = [f"{split}/{metric}" for split in ("train", "val") for metric in ("loss", "accuracy")]
    return pd.DataFrame({"epoch": [1, 2, 3]} | {name: rng.random(3) for name in names})


def tables(seeds=(0, 1)):
    """Trials of some seeds and their histories, as `mnist-study replicate` collects them."""
    trials = pd.DataFrame(
        {"trial": f"seed-{seed}", "split_seed": seed, "weights_seed": seed, "net": net}
        for seed in seeds
        for net in NETS
    )
    histories = pd.concat(
        history(net, seed).assign(trial=f"seed-{seed}", net=net) for seed in seeds for net in NETS
    )
    return trials, histories


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """The study's code and catalogue in the current folder, with trials measured on it."""
    monkeypatch.chdir(tmp_path)
    for package in ("src/imagesets", "src/mnist_study"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, package, ignore=ignored)
    shutil.copy(ROOT / FILE, FILE)
    write_json(verdicts.MEASURED_ON, verdicts.measured_on(PARAMS))
    return tmp_path


def differences(params=PARAMS, *, seed=0, histories=None):
    """How a run differs from the trials of seeds 0 and 1, whose numbers it has by its own seed."""
    histories = histories or {net: history(net, seed) for net in NETS}
    return verdicts.differences(params, *tables(), histories)


def changed(section, **values):
    params = deepcopy(PARAMS)
    params[section] |= values
    return params


def edit(path):
    with open(path, "a") as file:
        file.write("# edited\n")


def test_a_run_of_the_same_study_does_not_differ(measured):
    assert differences() == []


def test_another_parameter_of_a_net_is_named_with_both_values(measured):
    assert differences(changed("train_dense", units=UNITS + 1)) == [
        f"train_dense.units is {UNITS + 1}, there {UNITS}"
    ]


def test_a_parameter_that_one_of_the_two_lacks_is_named(measured):
    assert differences(changed("train_cnn", groups=4)) == ["train_cnn.groups is 4, there none"]


def change_entry(name="mnist", **values):
    """Change an entry of the catalogue in the current folder."""
    with edit_yaml(FILE) as entries:
        entries[name].update(values)


def test_another_data_set_is_named(measured):
    assert differences(changed("data", name="fashion-mnist")) == [
        "data.name is fashion-mnist, there mnist",
        "datasets.yaml:files is another",
        "datasets.yaml:classes is another",
    ]


def test_a_data_set_that_is_not_there_is_told(measured):
    with pytest.raises(UserError, match=r"received mnits; did you mean mnist\?$"):
        differences(changed("data", name="mnits"))


@pytest.mark.parametrize("name", MNIST.files)
def test_other_data_of_the_same_name_are_named(measured, name):
    change_entry(files=MNIST.files | {name: "0" * 64})
    assert differences() == ["datasets.yaml:files is another"]


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("maximum", 16, "maximum is 16, there 255"),
        ("test_seed", 1, "test_seed is 1, there 0"),
        ("test", [], "test is [], there ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte']"),
        ("classes", list("1023456789"), "classes is another"),
        ("size", [28, 28], "size is [28, 28], there none"),
    ],
)
def test_other_images_of_the_same_files_are_named(measured, key, value, told):
    change_entry(**{key: value})
    assert differences() == [f"datasets.yaml:{told}"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sources", ["/a/folder"]),
        ("title", "Digits"),
        ("noun", "number"),
        ("licence", "none"),
        ("cite", "nobody"),
        ("claims", []),
    ],
)
def test_what_is_only_said_of_the_data_is_no_difference(measured, key, value):
    change_entry(**{key: value})
    assert differences() == []


def test_another_entry_of_the_catalogue_is_no_difference(measured):
    change_entry("fashion-mnist", maximum=16)
    assert differences() == []


def test_how_the_data_are_brought_is_no_difference(measured):
    assert differences(changed("fetch", retries=9)) == []


def test_a_parameter_that_no_trial_depends_on_is_no_difference(measured):
    assert differences(changed("report", errors=1)) == []
    assert differences(changed("compute", steps_per_execution=1)) == []


def test_other_seeds_are_no_difference(measured):
    params = changed("preprocess", seed=77)
    params["compute"]["seed"] = 78
    assert differences(params, seed=77) == []


def test_other_code_is_named_where_the_run_is_not_the_trial_of_its_seeds(measured):
    edit(FIT)
    assert differences(seed=2) == [f"{FIT} is another"]


@pytest.mark.parametrize("path", ["src/imagesets/sizes.py", "src/mnist_study/nets/cnn.py"])
def test_code_that_reads_images_or_builds_nets_counts(measured, path):
    edit(path)
    assert differences(seed=2) == [f"{path} is another"]


def test_code_that_is_new_or_gone_is_named(measured):
    (measured / FIT).rename(measured / "src/mnist_study/training/fitting.py")
    assert differences(seed=2) == [
        "src/mnist_study/training/fitting.py is another",
        f"{FIT} is another",
    ]


def test_other_code_that_computes_the_same_is_no_difference(measured):
    edit(FIT)
    assert differences() == []


def test_one_bit_of_one_net_is_enough_to_be_another_run(measured):
    edit(FIT)
    histories = {net: history(net, 0) for net in NETS}
    last = histories["cnn"].loc[2, "val/loss"]
    histories["cnn"].loc[2, "val/loss"] = np.nextafter(last, 1)
    assert differences(histories=histories) == [f"{FIT} is another"]


def test_the_trial_of_other_seeds_does_not_vouch_for_other_code(measured):
    edit(FIT)
    assert differences(seed=1) == [f"{FIT} is another"]
    params = changed("preprocess", seed=1)
    params["compute"]["seed"] = 1
    assert differences(params, seed=1) == []


def test_code_that_no_trial_depends_on_is_no_difference(measured):
    edit("src/mnist_study/scores/claims.py")
    edit("src/mnist_study/report/page.py")
    assert differences(seed=2) == []


ONCE = {
    "test_images": claims.Verdict(10_000, 10_000, 10_000, 10_000, "reproduced")._asdict(),
    "dense_accuracy": claims.Verdict(0.96, 0.94, 0.93, 0.95, "refuted")._asdict(),
    "dense_overfit_epoch": claims.Verdict(6, 3, 1, 3, "undecided")._asdict(),
}
REPEATED = {
    "seeds": 10,
    "claims": {
        "dense_accuracy": claims.Verdict(0.96, 0.965, 0.964, 0.966, "reproduced")._asdict(),
        "dense_overfit_epoch": claims.Verdict(6, 10, 6, 16, "reproduced")._asdict(),
    },
}
STATED = {name: claim for name, claim in claims.state(MNIST).items() if name in ONCE}


def brief(decided):
    return {name: (v["verdict"], v["source"], v["seeds"]) for name, v in decided.items()}


def test_seeds_outweigh_one_run_of_the_same_study():
    decided = verdicts.decide(STATED, ONCE, REPEATED, [])
    assert brief(decided) == {
        "test_images": ("reproduced", "claims/test_images", None),
        "dense_accuracy": ("reproduced", "replicate/claims/dense_accuracy", 10),
        "dense_overfit_epoch": ("reproduced", "replicate/claims/dense_overfit_epoch", 10),
    }
    assert decided["dense_accuracy"]["measured"] == 0.965
    assert decided["dense_accuracy"]["rule"] == replication.RULES["accuracy"]
    assert decided["test_images"]["rule"] == claims.RULES["images"]
    assert [name for name, verdict in decided.items() if verdict["exact"]] == ["test_images"]
    assert decided["dense_accuracy"]["statement"] == "The dense net reaches 96% test accuracy"


def test_seeds_of_another_study_decide_nothing():
    decided = verdicts.decide(STATED, ONCE, REPEATED, ["train_dense.units is 20, there 30"])
    assert brief(decided) == {
        "test_images": ("reproduced", "claims/test_images", None),
        "dense_accuracy": ("refuted", "claims/dense_accuracy", None),
        "dense_overfit_epoch": ("undecided", "claims/dense_overfit_epoch", None),
    }
    assert decided["dense_accuracy"]["measured"] == 0.94
    assert decided["dense_accuracy"]["rule"] == claims.RULES["accuracy"]


def test_seeds_that_judge_fewer_claims_leave_the_others_to_one_run():
    """So it is with a net that was added after they were trained."""
    repeated = REPEATED | {"claims": {"dense_accuracy": REPEATED["claims"]["dense_accuracy"]}}
    decided = brief(verdicts.decide(STATED, ONCE, repeated, []))
    assert decided["dense_accuracy"] == ("reproduced", "replicate/claims/dense_accuracy", 10)
    assert decided["dense_overfit_epoch"] == ("undecided", "claims/dense_overfit_epoch", None)


def test_without_claims_nothing_is_decided():
    assert verdicts.decide({}, {}, {"seeds": 10, "claims": {}}, []) == {}


@pytest.mark.parametrize(
    ("stated", "once", "repeated", "told"),
    [
        pytest.param(
            {},
            ONCE,
            {},
            "plots/evaluate/claims.json",
            id="of another data set",
        ),
        pytest.param(
            STATED | {"dense_accuracy": STATED["dense_accuracy"]._replace(claimed=0.97)},
            ONCE,
            {},
            "plots/evaluate/claims.json",
            id="changed",
        ),
        pytest.param(
            STATED,
            {name: ONCE[name] for name in ("test_images", "dense_accuracy")},
            {},
            "plots/evaluate/claims.json",
            id="added",
        ),
        pytest.param(
            STATED,
            ONCE,
            {"dense_accuracy": REPEATED["claims"]["dense_accuracy"] | {"claimed": 0.95}},
            "plots/replicate/summary.json",
            id="changed since the seeds were summed up",
        ),
    ],
)
def test_verdicts_on_other_claims_than_those_stated_are_refused(stated, once, repeated, told):
    """So it is when the data set or a claim was changed, and the pipeline has not run again."""
    with pytest.raises(UserError) as error:
        verdicts.decide(stated, once, {"seeds": 10, "claims": repeated}, [])
    assert str(error.value) == (
        f"{told}: expected verdicts on the claims in datasets.yaml; run dvc repro"
    )


def test_the_command_prints_the_verdicts_that_count_and_says_by_its_status_whether_all_hold(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    write_json("plots/evaluate/claims.json", ONCE)
    write_json("plots/replicate/summary.json", REPEATED)
    found = []
    monkeypatch.setattr(verdicts, "read", lambda: PARAMS)
    monkeypatch.setattr(verdicts.claims, "state", lambda entry: STATED)
    for name in (FILE, "params.yaml"):
        shutil.copy(ROOT / name, name)
    monkeypatch.setattr(verdicts.replication, "read_tables", lambda: (None, None))
    monkeypatch.setattr(verdicts, "read_histories", dict)
    monkeypatch.setattr(verdicts, "differences", lambda *of_what: found)
    assert claims_command.run(None) == 0
    assert capsys.readouterr().out.splitlines() == [
        "10,000 images test: 10,000 (exact, one run): reproduced",
        "The dense net reaches 96% test accuracy: 96.50% (96.40% to 96.60%, 10 seeds): reproduced",
        "The dense net overfits from epoch 6 or so: 10 (6 to 16, 10 seeds): reproduced",
    ]
    found.append("train_dense.units is 20, there 30")
    assert claims_command.run(None) == 3
    assert capsys.readouterr().out.splitlines() == [
        "10,000 images test: 10,000 (exact, one run): reproduced",
        "The dense net reaches 96% test accuracy: 94.00% (93.00% to 95.00%, one run): refuted",
        "The dense net overfits from epoch 6 or so: 3 (1 to 3, one run): undecided",
        "The seeds are of another study, so this run decides: train_dense.units is 20, there 30.",
    ]


def test_the_command_says_that_a_data_set_has_no_claims(monkeypatch, capsys):
    monkeypatch.setattr(claims_command, "read_decided", lambda: ({}, ["data.name is b, there a"]))
    assert claims_command.run(None) == 0
    assert capsys.readouterr().out == (
        "There are no claims on this data set, so there are no verdicts.\n"
    )


class Page:
    """What the page of a tiny study says of its claims.

    Attributes:
        text: all of it, without its tags.
        cards: for each claim, its statement: what is measured (its source), and the card's text.
        banners: text of each.
    """

    def __init__(self, study):
        html = study.read("report/index.html")
        self.text = _text(html)
        lists = re.findall(r'<ul class="(?:claims|counted quiet)">(.*?)</ul>', html, re.DOTALL)
        self.cards = {}
        for card in re.findall("<li>(.*?)</li>", "".join(lists), re.DOTALL):
            statement = re.search("^(?:<h2>)?(.*?)(?:</h2>|: )", card)[1]
            source = re.search('data-source="(.*?)/measured"', card)[1]
            self.cards[statement] = source, _text(card)
        self.banners = [
            _text(banner) for banner in re.findall(r'<p class="banner".*?</p>', html, re.DOTALL)
        ]


def _text(html):
    return " ".join(re.sub("<.*?>", "", html).split())


def metrics(study, name):
    return json.loads(study.read(SCORES[name]))


def assert_consistent(study, *, over_seeds):
    """The page, its short form and the metrics say the same, by one run or by the seeds."""
    page, once, repeated = Page(study), metrics(study, "claims"), metrics(study, "replicate")
    accuracy = metrics(study, "evaluate")["dense"]["test"]["accuracy"]
    assert f"The dense net gets {accuracy:.2%}" in page.text
    markdown = study.read("report/report.md")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(study.root)
        decided, _ = verdicts.read_decided()
    assert len(page.cards) == len(once) == len(decided)
    for name, verdict in decided.items():
        statement = verdict["statement"]
        source, text = page.cards[statement]
        by_seeds = over_seeds and name in repeated["claims"]
        expected = (repeated["claims"] if by_seeds else once)[name]
        assert source == f"replicate/claims/{name}" if by_seeds else f"claims/{name}"
        assert verdict["verdict"] == expected["verdict"]
        assert expected["verdict"] in text
        assert (f"mean of {repeated['seeds']} seeds" in text) == by_seeds
        over = f"{repeated['seeds']} seeds" if by_seeds else "one run"
        (row,) = [line for line in markdown.splitlines() if line.startswith(f"| {statement} |")]
        assert row.endswith(f"| {over} | {expected['verdict']} |")
    return page


@pytest.fixture(scope="module")
def repeated_study(tiny_repro, tmp_path_factory):
    """A tiny study whose trials are of itself: its own run, and two whose numbers are made."""
    study = tiny_repro.study.copy(tmp_path_factory.mktemp("repeated") / "study")
    trials, histories = [], []
    for seed, shift in enumerate((0, 0.01, -0.01)):
        for net in NETS:
            accuracy = metrics(study, "evaluate")[net]["test"]["accuracy"] + shift
            own = pd.read_csv(study.root / f"plots/train_{net}/history.csv")
            own["val/loss"] += shift
            marks = {"trial": f"seed-{seed}", "net": net}
            seeds = {"split_seed": seed, "weights_seed": seed}
            trials.append(marks | seeds | {"test/accuracy": accuracy})
            histories.append(own.assign(**marks))
    write_csv(study.root / replication.TRIALS, pd.DataFrame(trials))
    write_csv(study.root / replication.HISTORIES, pd.concat(histories))
    params = read(study.root / "params.yaml")
    write_json(study.root / verdicts.MEASURED_ON, verdicts.measured_on(params, study.root))
    study("dvc repro report")
    return study


def test_trials_of_another_study_decide_nothing_on_the_page(tiny_repro):
    page = assert_consistent(tiny_repro.study, over_seeds=False)
    assert len(page.banners) == 2
    for banner in page.banners:
        for difference in (
            f"train_dense.epochs is 2, there {PARAMS['train_dense']['epochs']}",
            "datasets.yaml:files is another",
        ):
            assert difference in banner


def test_trials_of_this_very_study_decide_on_the_page(repeated_study):
    page = assert_consistent(repeated_study, over_seeds=True)
    assert page.banners == []
    assert "another study" not in page.text
    assert "another study" not in repeated_study.read("report/report.md")


def test_a_net_that_the_seeds_have_not_judged_is_judged_by_its_own_run(repeated_study, tmp_path):
    study = repeated_study.copy(tmp_path / "study")
    study.set_params(train_dense__units=UNITS + 1, train_dense__epochs=3)
    study("dvc repro report")
    found = [
        f"train_dense.units is {UNITS + 1}, there {UNITS}",
        "train_dense.epochs is 3, there 2",
    ]
    page = assert_consistent(study, over_seeds=False)
    assert len(page.banners) == 2
    for banner in page.banners:
        assert all(difference in banner for difference in found)
    status = study("mnist-study claims", check=False)
    assert status.returncode == 3
    assert all(difference in status.stdout for difference in found)
    assert "These verdicts are of this one run" in page.banners[0]
    assert len(pd.read_csv(study.root / "plots/train_dense/history.csv")) == 3
