"""What DVC knows of a stage's run: its parameters, and the MD5 of each of its inputs and outputs.

Two sources give the same record: the workspace while a stage runs, and `dvc.lock` afterwards.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studykit.dotted import canonical
from studykit.errors import UserError
from studykit.records.cache import MD5, copy_from_cache
from studykit.records.lock import Lock
from studykit.records.parameters import Parameters
from studykit.records.pipeline import FILE, Output, Pipeline, makers
from studykit.records.trees import WorkingTree


@dataclass(frozen=True)
class StageRecord:
    """One execution of one stage.

    Attributes:
        stage: its name in `dvc.yaml`.
        params: value of each parameter that it declares, by dotted key, and by `file:key` where
            that file is not `params.yaml`.
        deps: MD5 of each input, by path from the project's root; a folder's ends in `.dir`. Inputs
            that lie elsewhere, such as `s3://…`, are left out.
        outs: MD5 of each output, likewise.
        open: function from a path to a local file or folder with that input's or output's content,
            or to None where it is not to be had.
        values: all of `params.yaml`, also what the stage does not declare.
        declared: what `dvc.yaml` says of its outputs: Output by path.
    """

    stage: str
    params: dict[str, Any]
    deps: dict[str, str]
    outs: dict[str, str]
    open: Callable[[str], Path | None] = field(compare=False)
    values: dict[str, Any] = field(default_factory=dict, compare=False)
    declared: dict[str, Output] = field(default_factory=dict, compare=False)

    @property
    def key(self):
        """MD5 of all of the above: two executions with the same key are the same to DVC."""
        content = [self.stage, self.params, self.deps, self.outs]
        return hashlib.md5(canonical(content).encode()).hexdigest()


def record_from_workspace(stage, root="."):
    """Record a stage whose process runs in a folder, which is not yet in `dvc.lock`.

    Args:
        stage: its name in `dvc.yaml`.
        root: the folder.

    Returns:
        StageRecord; outputs that are not there yet are left out.

    Raises:
        UserError: `dvc.yaml` is wrong, or has no such stage.
    """
    tree = WorkingTree(root)
    stages = Pipeline.of(tree).stages
    if stage not in stages:
        raise UserError(f"{FILE}: expected a stage {stage}, found {', '.join(stages) or 'none'}")
    declared, parameters = stages[stage], Parameters(tree)

    def open_here(path):
        return Path(root, path) if Path(root, path).exists() else None

    return StageRecord(
        stage=stage,
        params=parameters.of_stage(declared),
        deps=tree.md5s(path for path in declared.deps if not _is_elsewhere(path)),
        outs=tree.md5s(out.path for out in declared.outs if not _is_elsewhere(out.path)),
        open=open_here,
        values=parameters.file(),
        declared={out.path: out for out in declared.outs},
    )


def records(revision, folder):
    """The stages of a revision as DVC locked them, each after those that it reads from.

    Args:
        revision: Revision.
        folder: where copies of its files may lie, for as long as the records are used.

    Returns:
        list of StageRecord.

    Raises:
        UserError: `dvc.yaml` or `dvc.lock` is wrong.
    """
    tree, pipeline = revision.tree, Pipeline.of(revision.tree)
    lock, values = Lock.of(tree, pipeline), Parameters(tree).file()
    declared = {
        name: {out.path: out for out in stage.outs} for name, stage in pipeline.stages.items()
    }

    def open_file(path):
        return _local_copy(revision, path, lock.md5s[path], Path(folder))

    return [
        StageRecord(
            stage=name,
            params=lock.stages[name].params,
            deps=_here(lock.stages[name].deps),
            outs=_here(lock.stages[name].outs),
            open=open_file,
            values=values,
            declared=declared.get(name, {}),
        )
        for name in lock.in_order()
    ]


def upstream(record, others):
    """The stages that a stage's results rest on: those whose outputs it reads, directly or not.

    Args:
        record: StageRecord.
        others: StageRecords of the same pipeline, each after those that it reads from.

    Returns:
        list of StageRecord, in the order of `others`; None where an input is no longer what its
        stage has made: then the results rest on another run of that stage.
    """
    by_stage = {other.stage: other for other in others if other.stage != record.stage}
    outs = {path: stage for stage, other in by_stage.items() for path in other.outs}
    needed: set[str] = set()
    waiting = [record]
    while waiting:
        for path, md5 in waiting.pop().deps.items():
            for stage in makers(outs, path):
                if by_stage[stage].outs.get(path, md5) != md5:
                    return None
                if stage not in needed:
                    needed.add(stage)
                    waiting.append(by_stage[stage])
    return [other for other in others if other.stage in needed]


def stage_keys(tree):
    """The keys of all stages that a Tree's `dvc.lock` holds.

    Raises:
        UserError: `dvc.yaml` or `dvc.lock` is wrong.
    """
    stages = Lock.of(tree, Pipeline.of(tree)).stages
    return {
        StageRecord(name, each.params, _here(each.deps), _here(each.outs), lambda path: None).key
        for name, each in stages.items()
    }


def _here(md5s):
    return {path: md5 for path, md5 in md5s.items() if not _is_elsewhere(path)}


def _is_elsewhere(path):
    """Whether a path is an address outside the file system, whose content is not at hand."""
    return "://" in path


def _local_copy(revision, path, expected, folder):
    """The content that DVC locked: from the workspace, Git, DVC's cache or a remote.

    Returns:
        Path of a file or folder, or None where it is not to be had.
    """
    if not MD5.fullmatch(expected):
        return None
    here, tree = Path(path), revision.tree
    if revision.commit is None and tree.md5(path) == expected:
        return here
    copy = folder / expected / here.name
    if not copy.exists():
        if tree.md5(path) == expected:
            copy_from_tree(tree, path, copy)
        else:
            copy_from_cache(expected, copy)
        if not _is_whole(copy, expected):
            _fetch(revision, path, copy)
    return copy if _is_whole(copy, expected) else None


def _is_whole(copy, expected):
    return WorkingTree(copy.parent).md5(copy.name) == expected


def copy_from_tree(tree, path, copy):
    """Copy a file or folder out of a Git commit."""
    for file in tree.paths(path) or [path]:
        target = copy / file[len(path) + 1 :] if file != path else copy
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(tree.read(file))


def _fetch(revision, path, copy):
    """Copy a file or folder from a remote where one is configured and has it."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc_data.index.index import DataIndexDirError

    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        DVCFileSystem(rev=revision.commit).get(path, str(copy), recursive=True)
    except (DvcException, DataIndexDirError, OSError):
        return  # the caller looks at what is there
