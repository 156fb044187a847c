"""What DVC knows of a stage: its parameters, and the MD5 of each of its inputs and outputs.

Two sources give the same record: the workspace while a stage runs, and `dvc.lock` afterwards.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from studykit.files import md5

_yaml = YAML(typ="safe")


@dataclass(frozen=True)
class StageRecord:
    """One execution of one stage.

    Attributes:
        stage: its name in `dvc.yaml`.
        params: value of each parameter that it declares, by dotted key.
        deps: MD5 of each input, by path from the repository's root.
        outs: MD5 of each output, likewise.
        open: function from a path to a local file with that input's or output's content, or to
            None where it is not to be had.
    """

    stage: str
    params: dict[str, Any]
    deps: dict[str, str]
    outs: dict[str, str]
    open: Callable[[str], Path | None] = field(compare=False)

    @property
    def key(self):
        """MD5 of all of the above: two executions with the same key are the same to DVC."""
        content = [self.stage, self.params, self.deps, self.outs]
        return hashlib.md5(json.dumps(content, sort_keys=True).encode()).hexdigest()


def record_from_workspace(stage, root="."):
    """Record a stage whose process runs in a folder, which is not yet in `dvc.lock`.

    Args:
        stage: its name in `dvc.yaml`.
        root: the folder.

    Returns:
        StageRecord; outputs that are not there yet are left out.
    """
    root = Path(root)
    declared = _yaml.load(root / "dvc.yaml")["stages"][stage]
    values = _yaml.load(root / "params.yaml")

    def md5s(paths):
        return {path: _md5((root / path).resolve()) for path in paths if (root / path).is_file()}

    return StageRecord(
        stage=stage,
        params={key: _look_up(values, key) for key in declared.get("params", ())},
        deps=md5s(declared.get("deps", ())),
        outs=md5s(path for kind in ("outs", "metrics", "plots") for path in _paths(declared, kind)),
        open=lambda path: root / path if (root / path).is_file() else None,
    )


def record_from_lock(stage, locked, open_file):
    """Record a stage from its entry in `dvc.lock`.

    Args:
        stage: its name.
        locked: the entry, as a dict.
        open_file: StageRecord's open.
    """
    return StageRecord(
        stage=stage,
        params=dict(locked.get("params", {}).get("params.yaml", {})),
        deps={dep["path"]: dep["md5"] for dep in locked.get("deps", ())},
        outs={out["path"]: out["md5"] for out in locked.get("outs", ())},
        open=open_file,
    )


def in_order(stages):
    """Names of the stages of a `dvc.lock`, each after those whose outputs it reads.

    Args:
        stages: entries by name.
    """
    makers = {
        out["path"]: name for name, locked in stages.items() for out in locked.get("outs", ())
    }
    reads = {
        name: {makers[dep["path"]] for dep in locked.get("deps", ()) if dep["path"] in makers}
        for name, locked in stages.items()
    }
    return list(TopologicalSorter(reads).static_order())


def _paths(declared, kind):
    """The paths of one kind of output: plain, or as the key of their options."""
    for out in declared.get(kind, ()):
        yield out if isinstance(out, str) else next(iter(out))


def _md5(file):
    """MD5 of a file, read once until it changes: a tracker meets most files in several stages."""
    stat = file.stat()
    return _md5_of_state(file, stat.st_ino, stat.st_size, stat.st_mtime_ns)  # as DVC tells


@lru_cache(maxsize=256)
def _md5_of_state(file, *_):
    return md5(file)


def _look_up(values, key):
    for part in key.split("."):
        values = values[part]
    return values
