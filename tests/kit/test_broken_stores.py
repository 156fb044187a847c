"""A SQLite store that is half made, broken, full or read-only: what is told, and what is mended."""

import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import pytest

from studykit.study import load_study
from studykit.tracking.store import AdvisedError
from tests.processes import wait_until
from tests.tiny_study import ENVIRONMENT, ROOT


def execute(database, *statements):
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def add_a_run(database):
    execute(
        database,
        "INSERT INTO experiments (experiment_id, name) VALUES (7, 'other')",
        "INSERT INTO runs (run_uuid, experiment_id) VALUES ('a', 7)",
    )


@pytest.fixture
def half_made(tiny):
    """A store whose last tables are missing, as if making it had been interrupted."""
    earlier = "UPDATE alembic_version SET version_num = '1a0cddfcaa16'"
    database = tiny.folder / "mlflow.db"
    execute(database, "DROP TABLE webhook_events", "DROP TABLE webhooks", earlier)
    return database


def test_a_store_that_was_left_half_made_is_made_anew(tiny, half_made):
    tiny.connect()
    assert {path.name for path in tiny.folder.glob("mlflow.db*")} == {"mlflow.db", "mlflow.db.lock"}
    assert tiny.written().client.search_experiments()


def test_who_only_reads_a_half_made_store_leaves_it_and_says_what_makes_it(tiny, half_made):
    before = half_made.read_bytes()
    with pytest.raises(AdvisedError, match=r"left half made, without a run; `.* sync --all` makes"):
        tiny.connect(read_only=True)
    assert half_made.read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_broken_store_with_runs_is_left_as_it_is_and_told_in_a_line(tiny, half_made, read_only):
    add_a_run(half_made)
    before = half_made.read_bytes()
    with pytest.raises(AdvisedError, match="expected a whole store, found a broken one") as refused:
        tiny.connect(read_only=read_only)
    assert "move it away, then `" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert half_made.read_bytes() == before
    assert not list(tiny.folder.glob("mlflow.db.new*"))


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("damage", ["garbage", "cut in half"])
def test_a_file_that_is_no_store_is_told_in_a_line(tiny, damage, read_only):
    database = tiny.folder / "mlflow.db"
    content = database.read_bytes()
    damaged = b"garbage" * 100 if damage == "garbage" else content[: len(content) // 2]
    database.write_bytes(damaged)
    began = time.monotonic()
    with pytest.raises(AdvisedError, match="found a broken one") as refused:
        tiny.connect(read_only=read_only)
    assert time.monotonic() - began < 20
    assert "\n" not in str(refused.value)
    assert database.read_bytes() == damaged


def test_an_experiment_that_was_deleted_is_told_with_what_restores_it(tiny):
    tiny.connect()
    client = tiny.written().client
    own = client.get_experiment_by_name(load_study(tiny.folder).name)
    client.delete_experiment(own.experiment_id)
    with pytest.raises(AdvisedError, match=f"restore -x {own.experiment_id}` brings it back"):
        tiny.connect()
    client.restore_experiment(own.experiment_id)
    tiny.connect()


def test_the_first_use_of_a_store_may_be_killed_at_any_moment(tiny):
    (tiny.folder / "mlflow.db").unlink()
    connect = "from studykit.tracking.store import Store; Store.connect()"
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", connect]
    aside = tiny.folder / "mlflow.db.new"
    with subprocess.Popen(command, cwd=tiny.folder, env=environment) as first:
        wait_until(lambda: aside.exists() and aside.stat().st_size > 100_000)
        first.kill()
    assert not (tiny.folder / "mlflow.db").exists()
    tiny.connect()
    assert {path.name for path in tiny.folder.glob("mlflow.db*")} == {"mlflow.db", "mlflow.db.lock"}


@contextmanager
def mounted(folder, *options):
    """A file system at a folder for a block; the test is skipped where it cannot be mounted."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", *options, folder]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here: needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_is_full_at_the_first_use_is_told_in_a_line_and_left_empty(
    tiny, tmp_path, monkeypatch
):
    with mounted(tmp_path / "full", "-t", "tmpfs", "-o", "size=100k", "tmpfs") as full:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{full}/mlflow.db")
        with pytest.raises(AdvisedError, match="is full; free some space there"):
            tiny.connect()
        assert not list(full.iterdir())


def test_a_store_that_cannot_be_written_can_be_read(tiny, tmp_path):
    tiny.connect()
    shutil.rmtree(tmp_path / "files", ignore_errors=True)
    with mounted(tiny.folder, "--bind", "-o", "ro", tiny.folder):
        remount = ["mount", "-o", "remount,ro,bind", tiny.folder]
        subprocess.run(remount, check=True)
        with pytest.raises(AdvisedError, match=r"mlflow.db.lock: Read-only file system; make it"):
            tiny.connect()
        assert tiny.connect(read_only=True).find("0" * 32) == []
