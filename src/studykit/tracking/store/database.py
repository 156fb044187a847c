"""A SQLite store is made aside and then renamed; one that is not whole is told in a line.

MLflow makes its tables in some fifty steps. What interrupts them, be it a kill or a full disk,
leaves a file on which every later attempt fails, too.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import mlflow
from alembic.script import ScriptDirectory
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from studykit.errors import machine_fault, one_line
from studykit.tracking.store.location import sqlite_uri

MIGRATIONS = Path(mlflow.__file__).parent / "store/db_migrations"
FAULTS = (MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError)
# What SQLite says where nothing is wrong with the file itself.
PASSING = ("unable to open", "readonly", "is full", "is locked", "disk I/O error")
SAID = 200  # characters of a library's own words


class AdvisedError(MlflowException):
    """A store that cannot be used as it is, and what to do about it."""


def prepare(database, command):
    """Make a SQLite store, or give one of an earlier MLflow this one's tables, in one step.

    One that was left half made and holds no run is made anew.

    Args:
        database: Path.
        command: what users type for this kit's command.

    Raises:
        AdvisedError: there is a file, but no whole store.
    """
    if database.exists() and _version(database, command) == _newest_version():
        return
    aside = database.with_name(f"{database.name}.new")
    _remove(aside)
    try:
        if holds_runs := _holds_runs(database):
            with closing(sqlite3.connect(database)) as old, closing(sqlite3.connect(aside)) as new:
                old.backup(new)
        MlflowClient(sqlite_uri(aside), sqlite_uri(aside)).search_experiments(max_results=1)
        os.replace(aside, database)
    except FAULTS as error:
        if holds_runs and "out-of-date" not in str(error) and not _is_passing(error):
            raise _broken(database, command, error) from None
        raise advised(error) from None
    finally:
        _remove(aside)


def check(database, command):
    """Make sure that a SQLite store is whole, and write nothing.

    Args:
        database, command: as of `prepare`.

    Raises:
        AdvisedError: it is not.
    """
    if _version(database, command) != _newest_version():
        if _holds_runs(database):
            raise _broken(database, command, "not all of MLflow's tables are there")
        raise AdvisedError(
            f"{database}: expected a whole store, found one that was left half made, without a "
            f"run; `{command} sync --all` makes it anew"
        )


def advised(error):
    """Any error of a store as an AdvisedError, in a line."""
    said = machine_fault(error) or one_line(error)
    for words, remedy in (
        ("is full", "free some space there"),
        ("readonly", "make it writable"),
        ("unable to open", "make its folder, and give this user the right to it"),
        ("No module named", "install what the database of that address needs"),
    ):
        if words in said and ";" not in said:
            said += f"; {remedy}"
    return AdvisedError(said[: 2 * SAID])


def _version(database, command):
    """The version of a store's tables; None where its making was interrupted before the first."""
    address = f"{database.resolve().as_uri()}?mode={'rw' if os.access(database, os.W_OK) else 'ro'}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=60)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            connection.execute("SELECT count(*) FROM runs").fetchone()
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return None
        if _is_passing(error):
            raise AdvisedError(f"{database}: {advised(error)}") from None
        raise _broken(database, command, error) from None
    return found and found[0]


def _newest_version():
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _holds_runs(database):
    if not database.exists():
        return False
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        try:
            return connection.execute("SELECT 1 FROM runs LIMIT 1").fetchone() is not None
        except sqlite3.OperationalError:  # it has no such table yet
            return False


def _broken(database, command, error):
    return AdvisedError(
        f"{database}: expected a whole store, found a broken one ({one_line(error)[:SAID]}); move "
        f"it away, then `{command} sync --all` makes a whole one from what DVC has"
    )


def _is_passing(error):
    return any(words in str(error) for words in PASSING)


def _remove(database):
    for path in (database, database.with_name(f"{database.name}-journal")):
        path.unlink(missing_ok=True)
