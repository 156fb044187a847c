"""Parameters: what `params.yaml` and other files of parameters hold, as DVC reads them."""

from pathlib import PurePosixPath

import dpath
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from studykit.errors import UserError

DEFAULT_FILE = "params.yaml"
CONFLICT = b"<<<<<<< "  # how Git begins what it could not merge

_yaml = YAML(typ="safe")


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
        """
        values = {}
        for file, keys in stage.params.items():
            held = self.file(file)
            for key in keys or held:
                try:
                    values[full_name(file, key)] = dpath.get(held, key, separator=".")
                except KeyError:
                    continue
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
    try:
        values = _yaml.load(content)
    except YAMLError as error:
        where = tree.describe(path)
        if any(line.startswith(CONFLICT) for line in content.splitlines()):
            raise UserError(f"{where}: expected YAML, found a merge conflict; resolve it") from None
        raise UserError(f"{where}: expected YAML: {' '.join(str(error).split())}") from None
    if values is not None and not isinstance(values, dict):
        kind = type(values).__name__
        raise UserError(f"{tree.describe(path)}: expected keys with values, received a {kind}")
    return values or {}


def _load_any(tree, path):
    """Read a file of parameters by what its suffix says, as DVC does: YAML, JSON, TOML, Python."""
    if PurePosixPath(path).suffix.lower() not in (".json", ".toml", ".py"):
        return load_yaml(tree, path)
    from dvc.exceptions import DvcException
    from dvc.utils.serialize import PARSERS

    content = tree.read(path)
    if content is None:
        return {}
    try:
        return PARSERS[PurePosixPath(path).suffix.lower()](content.decode(), path)
    except (DvcException, UnicodeDecodeError) as error:
        raise UserError(f"{tree.describe(path)}: {' '.join(str(error).split())}") from None
