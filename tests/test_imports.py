import gc
import subprocess
import sys

import pytest

from mnist_study.imports import large_imports


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
    with large_imports():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_training_goes_without_scikit_learn():
    code = "import sys, mnist_study.training; print('sklearn' in sys.modules)"
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert completed.stdout == "False\n"
