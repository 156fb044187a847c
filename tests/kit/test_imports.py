import gc
import subprocess
import sys

import pytest

from studykit.warm.imports import large_imports


def test_a_library_goes_without_what_it_is_not_to_import():
    with large_imports(without=["json.tool"]), pytest.raises(ImportError):
        import json.tool
    import json.tool

    assert json.tool.main


def test_what_has_been_imported_stays():
    with large_imports(without=["gc"]):
        assert sys.modules["gc"] is gc


def test_the_collector_rests_meanwhile_and_then_goes_on():
    gc.unfreeze()
    gc.enable()  # `stages` disables it where a test imports that
    with large_imports():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


@pytest.mark.parametrize(
    ("modules", "without"),
    [
        ("training", {"scipy.stats", "sklearn"}),
        ("anatomy, calibration, claims, evaluation, prediction", {"matplotlib", "sklearn"}),
        ("calibration, claims, findings, replication, report", {"scipy.stats", "tensorflow"}),
    ],
)
def test_a_stage_goes_without_large_libraries_that_it_does_not_use(modules, without):
    code = f"import sys; from mnist_study import {modules}; print(*sys.modules)"
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not without & set(completed.stdout.split())
