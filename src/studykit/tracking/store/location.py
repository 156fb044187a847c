"""Where the tracking store is: a server, or a SQLite file with a folder of artefacts beside it."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlparse
from urllib.request import url2pathname

SQLITE = "sqlite:///"
ARTIFACTS = "mlartifacts"
# Where MLflow's tables hold absolute addresses of artefacts.
ADDRESSES = {
    "experiments": ["artifact_location"],
    "runs": ["artifact_uri"],
    "logged_models": ["artifact_location"],
    "model_versions": ["source", "storage_location"],
}


@dataclass(frozen=True)
class Location:
    """Where a store is.

    Attributes:
        uri: as MLflow takes it.
        database: the SQLite file, or None.
    """

    uri: str
    database: Path | None = None

    @property
    def artifacts(self):
        """The folder beside the SQLite file for its artefacts, as URI; None for a server's."""
        return self.database and (self.database.parent / ARTIFACTS).as_uri()


def locate(root):
    """Find the store that MLFLOW_TRACKING_URI names, or the one at the repository's root.

    Args:
        root: Path of the repository. A relative SQLite file lies there, not in the current folder,
            which in a queued experiment is deleted afterwards.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"
    if not uri.startswith(SQLITE):
        return Location(uri)
    path, _, options = uri.removeprefix(SQLITE).partition("?")
    database = Path(root, unquote(path))
    # Processes that write to one SQLite file wait for each other, up to a minute.
    return Location(sqlite_uri(database, options or "timeout=60"), database)


def sqlite_uri(database, options="timeout=60"):
    """The URI of a SQLite file, whatever characters are in its path."""
    path = quote(str(database))
    # For a plain `sqlite:`, MLflow also makes a folder with the name as it is quoted.
    prefix = SQLITE if path == str(database) else SQLITE.replace("sqlite", "sqlite+pysqlite")
    return f"{prefix}{path}?{options}"


def follow_a_move(location, experiment):
    """Correct the addresses of artefacts after a repository was moved or copied.

    MLflow notes absolute addresses, which then lead to where the repository was.

    Args:
        location: Location.
        experiment: its name.

    Returns:
        A sentence for the user, or None where nothing has moved.
    """
    old = _noted_address(location.database, experiment)
    new = location.artifacts
    if old is None or old == new or not (old.startswith("file:///") and old.endswith(ARTIFACTS)):
        return None
    old_folder = Path(url2pathname(urlparse(old).path))
    new_folder = location.database.parent / ARTIFACTS
    if old_folder.is_dir() and not new_folder.is_dir():
        return (
            f"MLflow: {location.database} was moved or copied without its folder of artefacts, "
            f"which still are at {old_folder}; copy that folder to {new_folder}"
        )
    moved = f"MLflow: the repository was moved or copied from {old_folder.parent}"
    try:
        _replace_addresses(location.database, old, new)
    except sqlite3.Error as error:
        return f"{moved}, and where artefacts are cannot be corrected: {error}"
    return f"{moved}; where artefacts are was corrected"


def _replace_addresses(database, old, new):
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        for table, columns in ADDRESSES.items():
            for column in columns:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                    (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
                )


def _noted_address(database, experiment):
    """Where MLflow looks for an experiment's artefacts; None where it does not know it."""
    query = "SELECT artifact_location FROM experiments WHERE name = ?"
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        try:
            found = connection.execute(query, (experiment,)).fetchone()
        except sqlite3.OperationalError:  # no tables yet
            return None
    return found and found[0]
