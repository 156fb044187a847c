"""Parameters: what `params.yaml` and other files of parameters hold, as DVC reads them."""

from pathlib import PurePosixPath
from typing import Any

import dpath

from studykit.documents import parse_json, parse_yaml
from studykit.errors import UserError, one_line

DEFAULT_FILE = "params.yaml"


class Parameters:
    """The parameters of a tree; each file is read once.

    Args:
        tree: Tree.
        known: values by file, which are taken instead of what the tree holds.
    """

    def __init__(self, tree, known=None):
        self._tree, self._files = tree, dict(known or {})

    def file(self, path=DEFAULT_FILE):
        """All values of a file; empty where there is no such file.

        Raises:
            UserError: the file cannot be read.
        """
        if path not in self._files:
            self._files[path] = _load_any(self._tree, path)
        return self._files[path]

    def of_stage(self, stage):
        """The values that a stage declares, by full name; those that are not there are left out.

        Args:
            stage: Stage.

        Raises:
            UserError: a key means several parameters, or a key of the file is empty.
        """
        values = {}
        for file, keys in stage.params.items():
            held = self.file(file)
            for key in keys or held:
                try:
                    values[full_name(file, key)] = dpath.get(held, key, separator=".")
                except KeyError:
                    continue
                except (ValueError, dpath.exceptions.InvalidKeyName) as error:
                    where = f"{self._tree.describe(file)}: {key}"
                    raise UserError(f"{where}: expected one parameter: {one_line(error)}") from None
        return values


def full_name(file, key):
    """A parameter's dotted key, after the name of its file where that is not `params.yaml`."""
    return key if file == DEFAULT_FILE else f"{file}:{key}"


def load_yaml(tree, path):
    """Read a YAML file with a dictionary in it; empty where there is no such file.

    Raises:
        UserError: it is no YAML, has conflicts, or holds something else.
    """
    content = tree.read(path)
    if content is None:
        return {}
    return parse_yaml(content, tree.describe(path))


def _load_any(tree, path):
    """Read a file of parameters by what its suffix says, as DVC does: YAML, JSON, TOML, Python."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in (".json", ".toml", ".py"):
        return load_yaml(tree, path)
    content = tree.read(path)
    if content is None:
        return {}
    if suffix == ".json":
        return parse_json(content, tree.describe(path), dict[str, Any])
    from dvc.exceptions import DvcException
    from dvc.utils.serialize import PARSERS

    try:
        return PARSERS[suffix](content.decode(), path)
    except (DvcException, ValueError, RecursionError) as error:
        raise UserError(f"{tree.describe(path)}: {one_line(error)}") from None
