"""Two branches that change the study: only parameters are merged by people.

That others merge without a conflict, tests/test_team.py shows.
"""

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def two_branches(study):
    """The study on `main`, where another dense net was trained; branch `other` has another CNN."""
    study.commit("results")
    study("git checkout -q -b other")
    study.set_params(train_cnn__units=50)
    study("dvc repro -q")
    study.commit("another CNN")
    study("git checkout -q main && dvc checkout -q")
    study.set_params(train_dense__units=20)
    study("dvc repro -q")
    study.commit("another dense net")
    return study


def conflicts(study):
    return study("git diff --name-only --diff-filter=U").stdout.split()


def test_only_parameters_conflict_where_both_changed_the_same(two_branches):
    study = two_branches
    study.make("merge-driver")
    study.set_params(train_cnn__units=60)
    study("dvc repro -q")
    study.commit("a third CNN")
    assert study("git merge -q other", check=False).returncode == 1
    assert conflicts(study) == ["params.yaml"]
    study("git checkout -q --theirs params.yaml")
    study.make("repro")
    study.commit("merged")
    assert study("mnist-study stale").stdout == ""


def test_without_the_driver_git_asks_about_results(two_branches):
    two_branches("git merge -q other", check=False)
    assert {"dvc.lock", "metrics/test/pairs/cnn_minus_dense.json"} <= set(conflicts(two_branches))
