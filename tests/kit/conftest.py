"""Fixtures of the kit's tests: a small pipeline, and a store to which records made by hand go."""

import shutil
from types import SimpleNamespace

import pytest

from tests.kit import hand_made
from tests.kit.seeded_study import make_seeded_study
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


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """A SQLite store with MLflow's tables and no experiment of ours; they take a second to make."""
    from studykit.tracking.store import Store

    folder = tmp_path_factory.mktemp("empty")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "")  # not deleted: MLflow sets it
        patch.delenv("DVC_ROOT", raising=False)
        Store.connect(folder)
    return folder / "mlflow.db"


@pytest.fixture
def tiny(tmp_path, empty_database, monkeypatch):
    """A repository whose study is told in `studykit.yaml`, the current folder, with a store.

    Has folder; files, where records may put theirs; uri of the store; connect, which opens it and
    collects what it says to the user in `news`; and written, which reads it by MLflow's own client.
    """
    from studykit.tracking.store import Store

    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "studykit.yaml").write_text(hand_made.STUDY)
    shutil.copy(empty_database, folder / "mlflow.db")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # not deleted: MLflow sets it
    news: list[str] = []
    uri = f"sqlite:///{folder}/mlflow.db"
    return SimpleNamespace(
        folder=folder,
        files=tmp_path / "files",
        uri=uri,
        news=news,
        connect=lambda **options: Store.connect(on_news=news.append, **options),
        written=lambda: hand_made.Written(uri),
    )


@pytest.fixture(scope="session")
def seeded_once(tmp_path_factory):
    """The study whose results vary by seed, with its experiments, to be read."""
    root = tmp_path_factory.mktemp("seeded") / "study"
    make_seeded_study(root)
    return root


@pytest.fixture
def seeded(seeded_once, tmp_path, monkeypatch):
    """A copy of it to change, which is the current folder."""
    root = tmp_path / "study"
    shutil.copytree(seeded_once, root, symlinks=True)
    monkeypatch.chdir(root)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # not deleted: MLflow sets it
    return root
