"""`make results` as CI runs it: in a clone without data, with and without a remote."""

import re

import pytest

from tests.tiny_study import Clone

ALL = ["fetch", "preprocess", "train_dense", "train_cnn", "evaluate", "replicate", "report"]


@pytest.fixture(params=["no remote", "a remote", "a remote that does not answer"])
def clone(request, study, tmp_path):
    """A clone of the committed study. Where it has a remote, everything was pushed to it."""
    if request.param != "no remote":
        study(f"dvc remote add -q -d store {tmp_path}/store")
        study("dvc push -q --run-cache")
    study.commit("results")
    if request.param == "a remote that does not answer":
        study("dvc remote modify store url ssh://nobody@127.0.0.1:9/store")
        study.commit("another remote")
    clone = Clone(study, tmp_path / "clone")
    clone.has_store = request.param == "a remote"
    return clone


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


# What is changed; what then runs where there is a remote; and what runs where there is none.
@pytest.mark.parametrize(
    ("change", "stale", "without"),
    [
        pytest.param(change_readme, [], []),
        pytest.param(change_report, ["report"], ["report"]),
        pytest.param(change_evaluate, ["evaluate", "replicate", "report"], ALL),
        pytest.param(
            change_net, ["train_dense", "evaluate", "report"], [s for s in ALL if s != "replicate"]
        ),
        pytest.param(
            change_data,
            ["preprocess", "train_dense", "train_cnn", "evaluate", "report"],
            [s for s in ALL if s != "replicate"],
        ),
    ],
)
@pytest.mark.slow
def test_what_is_stale_runs_from_what_there_is(clone, change, stale, without):
    change(clone)
    output = clone.make("results").stdout
    ran = re.findall(r"Running stage '(\w+)'", output)
    assert ran == (stale if clone.has_store else without)
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
