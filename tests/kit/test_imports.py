import gc
import subprocess
import sys

import pytest

from studykit.imports import large_imports


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
    gc.enable()
    with large_imports():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_a_process_that_asks_for_a_fork_imports_nothing_large():
    """There is one for each stage; what it imports, the stage waits for."""
    script = "import studykit.start, studykit.warm.forking, sys; print(*sys.modules)"
    asked = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    loaded = {name.partition(".")[0] for name in asked.stdout.split()}
    assert "studykit" in loaded
    assert loaded & {"mlflow", "numpy", "pandas", "pydantic", "ruamel", "tensorflow"} == set()
