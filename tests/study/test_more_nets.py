"""Another number of nets: what it takes, what is told when something is forgotten, what follows."""

import json
import re

import pytest

from tests.more_nets import add_net, remove_net
from tests.tiny_study import TinyStudy

FIVE = {"softmax": "softmax regression", "second": "second net", "third": "third net"}


@pytest.fixture
def new(tmp_path):
    """A tiny study that has not run."""
    return TinyStudy(tmp_path / "study")


@pytest.mark.parametrize(
    ("forgotten", "told"),
    [
        ("stage", "train_softmax.outs: expected models/softmax.keras"),
        ("evaluate", "evaluate.deps: expected models/softmax.keras"),
        ("report", "report.deps: expected plots/train_softmax/history.csv"),
    ],
)
def test_what_dvc_yaml_lacks_for_a_net_is_told_by_the_first_stage(new, forgotten, told):
    add_net(new, "softmax", "softmax regression", 3, **{forgotten: False})
    done = new("python -m studykit.start stages.fetch", check=False)
    assert done.returncode == 1
    net = "src/mnist_study/nets/softmax.py is a net of the study"
    assert done.stderr == f"error: dvc.yaml: {told}, received none; {net}\n"


def test_a_net_without_a_section_and_a_section_without_a_net_are_told(new):
    add_net(new, "softmax", "softmax regression", 3)
    params = new.read("params.yaml")
    new.write("params.yaml", params.replace("train_softmax:", "train_sofmax:"))
    done = new("python -m studykit.start stages.fetch", check=False)
    assert done.returncode == 1
    assert (
        done.stderr
        == "error: params.yaml: train_sofmax: unknown key, did you mean train_softmax?\n"
    )


@pytest.fixture(scope="module")
def three(tiny_repro, tmp_path_factory):
    """A tiny study to which a third net has been added and run; with what DVC printed."""
    study = tiny_repro.study.copy(tmp_path_factory.mktemp("three") / "study")
    study.commit("two nets")
    add_net(study, "softmax", "softmax regression", 3)
    study.output = study("dvc repro 2>&1").stdout
    return study


def measured(study, folder="."):
    """What there are test metrics of: nets, and in the folder `pairs` their differences."""
    return {path.stem for path in (study.root / "metrics/test" / folder).glob("*.json")}


@pytest.mark.slow
def test_a_third_net_retrains_no_other(three):
    ran = re.findall("Running stage '(.*?)'", three.output)
    assert ran == ["train_softmax", "evaluate", "replicate", "report"]


@pytest.mark.slow
def test_a_third_net_is_scored_and_compared_with_each_other_net(three):
    assert measured(three) == {"dense", "cnn", "softmax"}
    pairs = {"cnn_minus_dense", "softmax_minus_dense", "softmax_minus_cnn"}
    assert measured(three, "pairs") == pairs
    accuracy = json.loads(three.read("metrics/test/softmax.json"))["accuracy"]
    for page in ("report/report.md", "report/index.html"):
        text = re.sub("<.*?>", "", three.read(page))
        assert "softmax regression" in text
        assert f"{accuracy:.2%}" in text
    assert (three.root / "plots/report/softmax/curves.png").exists()


@pytest.mark.slow
def test_tools_follow_a_third_net(three):
    assert three("mnist-study stale").stdout == ""
    said = three("mnist-study diff HEAD workspace --md", check=False).stdout
    assert "softmax" in said
    lineage = three("mnist-study lineage workspace").stdout
    assert "train_softmax" in lineage
    table = three("dvc metrics show").stdout.splitlines()
    assert len(table) == 1 + 3 + 3 + 6 + 2  # the head; splits; val; test; of the committed seeds
    assert max(map(len, table)) <= 120


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2, 5])
def test_any_number_of_nets_goes_through_the_whole_pipeline(tiny_repro, tmp_path, number):
    study = tiny_repro.study.copy(tmp_path / "study")
    if number == 1:
        remove_net(study, "cnn")
    for place, (net, title) in enumerate(FIVE.items() if number == 5 else (), start=3):
        add_net(study, net, title, place)
    study("dvc repro 2>&1")
    nets = measured(study)
    assert len(nets) == number
    assert len(measured(study, "pairs")) == {1: 0, 2: 1, 5: 4}[number]
    page = re.sub(r"<script.*?</script>", "", study.read("report/index.html"), flags=re.DOTALL)
    assert "undefined" not in page.lower()  # as Jinja2 writes what it does not find
    assert all((study.root / f"plots/report/{net}/curves.png").exists() for net in nets)
