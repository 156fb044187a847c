"""`make results` as CI runs it: in a clone without data, with and without a remote."""

import re

import pytest

from tests.tiny_study import Clone

NONE, FOLDER, SILENT = "no remote", "a remote", "a remote that does not answer"
ALL = ["fetch", "preprocess", "train_dense", "train_cnn", "evaluate", "report"]  # but replicate


@pytest.fixture
def clone(request, study, tmp_path):
    """A clone of the committed study; where it has a remote that answers, all was pushed to it."""
    if request.param != NONE:
        study(f"dvc remote add -q -d store {tmp_path}/store")
        study("dvc push -q --run-cache")
    study.commit("results")
    if request.param == SILENT:
        study("dvc remote modify store url ssh://nobody@127.0.0.1:9/store")
        study.commit("another remote")
    return Clone(study, tmp_path / "clone")


def change_readme(clone):
    clone.write("README.md", "changed\n")


def change_report(clone):
    clone.set_params(report__errors=7)


def change_evaluate(clone):
    clone.set_params(evaluate__calibration_bins=5)


def change_net(clone):
    clone.set_params(train_dense__units=20)


def change_data(clone):
    clone.set_params(preprocess__seed=1)


# The remote, what is changed, and the stages that run.
@pytest.mark.parametrize(
    ("clone", "change", "stages"),
    [
        (NONE, change_readme, []),
        (NONE, change_report, ["report"]),
        (NONE, change_evaluate, ALL),
        (NONE, change_net, ALL),
        (NONE, change_data, ALL),
        (FOLDER, change_net, ["train_dense", "evaluate", "report"]),  # others: tests/test_team.py
        (SILENT, change_report, ["report"]),
        (SILENT, change_evaluate, ALL),
    ],
    indirect=["clone"],
)
@pytest.mark.slow
def test_what_is_stale_runs_from_what_there_is(clone, change, stages):
    change(clone)
    output = clone.make("results").stdout
    assert re.findall(r"Running stage '(\w+)'", output) == stages
    assert (clone.root / "report/index.html").is_file()
    assert clone("mnist-study stale workspace").stdout == ""


@pytest.mark.slow
def test_a_stage_that_fails_is_not_run_twice(study, tmp_path):
    study.commit("results")
    clone = Clone(study, tmp_path / "clone")
    clone("dvc repro -q")
    clone.write("stages/report.py", "raise SystemExit('no report')\n")
    done = clone.make("results", check=False)
    assert done.returncode != 0
    assert (done.stdout + done.stderr).count("no report") == 1
