"""Bring back the outputs of a stage that failed: DVC removes them before it runs the stage.

Then they are what `dvc.lock` says, the earlier good run's, and not half of the next one's.
"""

import os
import shutil
import tempfile
from pathlib import Path

from studykit.files import TEMPORARY
from studykit.records.cache import MD5, copy_from_cache
from studykit.records.lock import Lock
from studykit.records.pipeline import Pipeline
from studykit.records.revisions import resolve
from studykit.records.stages import copy_from_tree
from studykit.records.trees import WorkingTree


def restore_outputs(stage):
    """Bring back what `dvc.lock` names of a stage's outputs, from DVC's cache or from Git's HEAD.

    An output that persists is left as it is: DVC has not removed it.

    Args:
        stage: its name in `dvc.yaml`; its project's root is the current folder.

    Returns:
        Paths of the outputs that were brought back, and of those that are not to be had.

    Raises:
        UserError: `dvc.yaml` or `dvc.lock` is wrong, or there is no repository.
        OSError: they cannot be written.
    """
    tree = WorkingTree()
    pipeline = Pipeline.of(tree)
    declared, locked = pipeline.stages.get(stage), Lock.of(tree, pipeline).stages.get(stage)
    found: list[str] = []
    lacking: list[str] = []
    for out in declared.outs if declared and locked else ():
        expected = locked.outs.get(out.path, "")
        if not out.persists and MD5.fullmatch(expected) and tree.md5(out.path) != expected:
            (found if _restore(out, expected) else lacking).append(out.path)
    return found, lacking


def _restore(out, expected):
    path = Path(out.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix=f"{TEMPORARY}{os.getpid()}-", dir=path.parent
    ) as folder:
        copy = Path(folder, path.name)
        if out.is_cached:
            copy_from_cache(expected, copy)
        else:
            _copy_from_head(out.path, copy)
        if WorkingTree(folder).md5(path.name) != expected:
            return False
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        os.replace(copy, path)
    return True


def _copy_from_head(path, copy):
    tree = resolve("HEAD").tree
    if tree.paths(path) or tree.read(path) is not None:
        copy_from_tree(tree, path, copy)
