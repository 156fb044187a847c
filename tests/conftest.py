"""Fixtures that several test files share."""

from types import SimpleNamespace

import pytest

from tests.tiny_study import ROOT, TinyStudy


@pytest.fixture(scope="session")
def tiny_repro(tmp_path_factory):
    """A tiny study after `dvc repro`, each stage of which was watched.

    Has study, output (of `dvc repro`), and observed (folder of what was seen).
    """
    folder = tmp_path_factory.mktemp("repro")
    observed = folder / "observed"
    observed.mkdir()
    study = TinyStudy(folder / "study")
    output = study(
        "dvc repro 2>&1", PYTHONPATH=str(ROOT / "tests" / "observe"), OBSERVED=str(observed)
    ).stdout
    return SimpleNamespace(study=study, output=output, observed=observed)
