"""The other study: a folder outside this repository, with the installed kit and nothing else."""

import json
import re
import shutil

import pytest

from tests.runs import Runs
from tests.tiny_study import ROOT, TinyStudy

GUIDE = (ROOT / "docs/studykit.md").read_text("utf-8")


class Example(TinyStudy):
    """A copy of examples/digits in a Git repository of its own."""

    def __init__(self, root):
        self.root = root
        shutil.copytree(
            ROOT / "examples/digits", root, ignore=shutil.ignore_patterns("__pycache__", ".dvc")
        )
        self("git init -q -b main && dvc init -q")
        self.commit("digits")


@pytest.fixture(scope="module")
def guided(tmp_path_factory):
    """The example after all commands that the guide shows, and what each printed."""
    example = Example(tmp_path_factory.mktemp("example") / "my study")
    blocks = re.findall(r"```console\n(.*?)```", GUIDE, re.DOTALL)
    commands = [line[2:] for block in blocks for line in block.splitlines()]
    said = {command: example(command, check=False) for command in commands}
    return example, said


def answers(guided, start):
    """What the commands that start so printed, with the exit status of each."""
    return [
        (done.returncode, done.stdout + done.stderr)
        for command, done in guided[1].items()
        if command.startswith(start)
    ]


pytestmark = pytest.mark.slow


def test_every_command_of_the_guide_succeeds(guided):
    failed = {
        command: done.stdout + done.stderr
        for command, done in guided[1].items()
        if done.returncode and not command.startswith("studykit diff")
    }
    assert not failed


def test_each_stage_has_a_live_run_and_sync_finds_nothing_missing(guided):
    assert answers(guided, "studykit sync") == [
        (0, "0 runs added, 3 there already, in 1 revisions\n")
    ]


def test_the_runs_hold_parameters_curves_data_sets_and_test_metrics(guided):
    example, _ = guided
    runs = Runs(f"sqlite:///{example.root}/mlflow.db", experiment="digits")
    trained = next(run for run in runs.of("train") if run.data.params["epochs"] == "10")
    curve = runs.client.get_metric_history(trained.info.run_id, "val/accuracy")
    assert [point.step for point in curve] == list(range(1, 11))
    assert 0.8 < trained.data.metrics["test_accuracy"] <= 1
    assert {given.dataset.name for given in trained.inputs.dataset_inputs} == {
        "digits-train",
        "digits-val",
    }
    assert runs.client.get_model_version_by_alias("digits-linear", "champion")
    assert runs.statuses() == {"FINISHED"}


def test_lineage_goes_both_ways(guided):
    example, _ = guided
    rows = json.loads(example("studykit lineage HEAD --json").stdout)
    assert [row["stage"] for row in rows] == ["prepare", "train", "evaluate"]
    run = rows[1]["runs"][0]
    (back,) = json.loads(example(f"studykit lineage {run} --json").stdout)
    assert any("main" in name for name in back["revisions"])


def test_diff_tests_the_predictions(guided):
    ((status, said),) = answers(guided, "studykit diff")
    assert status in (0, 1)
    verdict, reasons, table, *_ = said.split("\n\n")
    assert re.search(r"linear accuracy (rose|fell) by \S+ points to \S+% \(p [=<] ", verdict)
    assert reasons == "Because of train.epochs 10 → 2."
    assert re.search(r"^  linear  \S+% → \S+%  [+−]\S+ ", table, re.MULTILINE)


def test_a_sweep_runs_seeds_and_a_grid_and_nothing_twice(guided):
    example, _ = guided
    ends = [said.splitlines()[-1] for _, said in answers(guided, "studykit sweep")]
    assert ends == [
        "2 trials: 2 done (0 before), 0 failed",
        "4 trials: 4 done (0 before), 0 failed",
    ]
    again = example("studykit sweep --seeds 2").stdout
    assert again.endswith("2 trials: 2 done (2 before), 0 failed\n")


def test_verify_finds_the_same_bytes(guided):
    ((status, said),) = answers(guided, "studykit verify")
    assert status == 0
    assert "bytes: all 8 outputs are those of HEAD" in said


def test_stale_sees_an_edit(guided):
    example, _ = guided
    assert example("studykit stale HEAD").stdout == ""
    example("echo '# edited' >> stages/evaluate.py")
    edited = example("studykit stale workspace", check=False)
    example("git checkout -q stages")
    assert edited.returncode == 1
    assert edited.stdout.startswith("evaluate: stages/evaluate.py changed\n")


def test_the_example_is_small():
    files = [
        path
        for path in (ROOT / "examples/digits").rglob("*")
        if path.suffix in (".py", ".yaml") and "__pycache__" not in path.parts
    ]
    assert sum(len(path.read_text("utf-8").splitlines()) for path in files) <= 150
