"""A stage that fails: the outputs of its last good run come back, which DVC has removed."""

import pytest

from tests.kit.faulty_study import FaultyStudy
from tests.runs import store

WORSE = "raise UserError('params.yaml: rate: expected a lower one, received 2')"


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """A study whose stage has failed after a good run; the good run's store is still there."""
    study = FaultyStudy(tmp_path_factory.mktemp("restore") / "study")
    study.repro()
    study.write("params.yaml", "rate: 2\n")
    study.said = study.shell("dvc repro", check=False, FAULT=WORSE).stderr
    return study


def test_the_outputs_of_the_last_good_run_are_there_again(failed):
    assert (failed.root / "made/out.txt").read_text() == "made with 1"
    assert failed.shell("git status --porcelain").stdout == " M params.yaml\n"
    assert "deleted" not in failed.shell("dvc status").stdout


def test_the_fault_is_told_first_and_then_what_came_back(failed):
    error, back = (line for line in failed.said.splitlines() if not line.startswith("ERROR: "))
    assert error == "error: params.yaml: rate: expected a lower one, received 2"
    assert back == "one: brought back from its last good run: made, metrics.json"


def test_the_run_has_failed_and_holds_the_curve_so_far(failed):
    runs = store(failed, "mini")
    (run,) = [run for run in runs.of("one") if run.info.status == "FAILED"]
    (point,) = runs.client.get_metric_history(run.info.run_id, "val/loss")
    assert (point.step, point.value) == (1, 0.5)


def test_what_is_not_committed_is_told_as_lost(tmp_path):
    study = FaultyStudy(tmp_path / "study")
    study.shell("dvc repro")
    done = study.shell("dvc repro --force", check=False, FAULT=WORSE)
    assert "one: brought back from its last good run: made\n" in done.stderr
    assert "warning: one: not to be had of its last good run, as not committed: metrics.json\n" in (
        done.stderr
    )
    assert not (study.root / "metrics.json").exists()


def test_a_first_run_that_fails_leaves_nothing(tmp_path):
    study = FaultyStudy(tmp_path / "study")
    done = study.shell("dvc repro", check=False, FAULT=WORSE)
    assert "brought back" not in done.stderr
    assert "warning" not in done.stderr
    assert study.shell("git status --porcelain").stdout == ""
