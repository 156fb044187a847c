"""Fixtures that several tests of the kit share."""

import shutil

import pytest

from tests.kit.small_pipeline import make_small_pipeline


@pytest.fixture(scope="session")
def small_pipeline_once(tmp_path_factory):
    """The small pipeline as DVC has run it, to be read."""
    root = tmp_path_factory.mktemp("small") / "project"
    make_small_pipeline(root)
    return root


@pytest.fixture
def small_pipeline(small_pipeline_once, tmp_path, monkeypatch):
    """A copy of it to change, which is the current folder."""
    root = tmp_path / "project"
    shutil.copytree(small_pipeline_once, root, symlinks=True)
    monkeypatch.chdir(root)
    return root
