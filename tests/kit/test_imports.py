import gc
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
