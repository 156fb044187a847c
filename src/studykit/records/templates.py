"""Templates in `dvc.yaml`: `${…}`, `vars`, `foreach` and `matrix`.

Words of `params.yaml` are put in here, which every stage needs at its start; anything else is
resolved by DVC's own code, which takes longer to import.
Only files of a Tree are read, so those of a Git commit are resolved without a checkout.
"""

import io
import posixpath
import re
from types import SimpleNamespace

from studykit.documents import decode
from studykit.dotted import look_up
from studykit.errors import UserError, one_line
from studykit.records.parameters import DEFAULT_FILE, load_yaml

WORD = re.compile(r"(?<!\\)\$\{([\w.]+)\}")
FOR_DVC = {"foreach", "matrix", "vars", "wdir"}  # of a stage: it has variables of its own


def is_templated(content, stages):
    """Whether there is anything to resolve.

    Args:
        content: of `dvc.yaml`, bytes.
        stages: what it says under `stages`.
    """
    return b"${" in content or any({"foreach", "matrix"} & set(each) for each in stages.values())


def resolve(tree, declared):
    """Resolve every stage.

    Args:
        tree: Tree that `dvc.yaml` and the files of its variables lie in.
        declared: what `dvc.yaml` says.

    Returns:
        dict: name of each stage, such as `train@cnn`, to what it declares.

    Raises:
        UserError: DVC cannot resolve it.
    """
    if (filled := _put_words_in(tree, declared)) is not None:
        return filled
    from dvc.exceptions import DvcException
    from dvc.parsing import DataResolver

    repository = SimpleNamespace(fs=_Files(tree), config={"parsing": _options(tree)})
    parts = {key: declared[key] for key in ("vars", "stages") if key in declared}
    stages: dict[str, dict] = {}
    try:
        resolver = DataResolver(repository, "", parts)
        for name in resolver.get_keys():
            stages |= resolver.resolve_one(name)
    except DvcException as error:
        raise UserError(f"{tree.describe('dvc.yaml')}: {one_line(error)}") from None
    # DVC's resolver takes for granted what DVC has checked before, in this file and in variables'.
    except (AssertionError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise UserError(
            f"{tree.describe('dvc.yaml')}: expected templates and variables that DVC can resolve, "
            f"received: {one_line(error)}; `dvc stage list` tells more"
        ) from None
    return stages


def _put_words_in(tree, declared):
    """The stages with words of `params.yaml` in their places; None if that is not all there is."""
    stages = declared.get("stages", {})
    if "vars" in declared or any(FOR_DVC & set(stage) for stage in stages.values()):
        return None
    values = load_yaml(tree, DEFAULT_FILE)

    def word(found):
        value = look_up(values, found[1])
        if not isinstance(value, str):  # DVC has rules for how these are spelled
            raise KeyError(found[1])
        return value

    def fill(node):
        if isinstance(node, dict):
            return {fill(key): fill(value) for key, value in node.items()}
        if isinstance(node, list):
            return [fill(item) for item in node]
        if isinstance(node, str) and "${" in WORD.sub("", node):
            raise KeyError(node)
        return WORD.sub(word, node) if isinstance(node, str) else node

    try:
        return fill(stages)
    except KeyError:
        return None


def _options(tree):
    """DVC's settings of how values are spelled in commands, which `.dvc/config` may hold."""
    from configobj import ConfigObj, ConfigObjError  # type: ignore[import-untyped]

    path = ".dvc/config"
    text = decode(tree.read(path) or b"", tree.describe(path))
    try:
        return ConfigObj(text.splitlines()).get("parsing", {})
    except ConfigObjError as error:
        raise UserError(f"{tree.describe(path)}: {one_line(error)}") from None


class _Files:
    """A Tree as the file system that DVC's resolver reads."""

    join = staticmethod(posixpath.join)
    normpath = staticmethod(posixpath.normpath)

    def __init__(self, tree):
        self._tree = tree

    def exists(self, path):
        return self._tree.read(path) is not None

    def isdir(self, _):
        return False

    def suffix(self, path):
        return posixpath.splitext(path)[1]

    def open(self, path, encoding="utf-8"):
        return io.TextIOWrapper(io.BytesIO(self._tree.read(path)), encoding=encoding)
