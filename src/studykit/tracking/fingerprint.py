"""What a stage declares in `dvc.yaml`, as it was when the stage began.

DVC reads inputs and parameters when a stage has ended, and takes those for what the stage ran
with. Where somebody edits them meanwhile, its lock would say something wrong. So a stage remembers
what it began with, and fails if that has changed when it ends: then DVC locks nothing.
"""

import json
import os
from dataclasses import asdict, dataclass, replace
from os.path import isdir, isfile
from typing import Any

from studykit.errors import UserError
from studykit.files import md5
from studykit.records.parameters import DEFAULT_FILE, Parameters
from studykit.records.pipeline import Pipeline
from studykit.records.trees import WorkingTree

SMALL = 2**18  # bytes: up to this size, a file is known by its content, not by its state

_prepared: "list[Fingerprint]" = []


@dataclass(frozen=True)
class Fingerprint:
    """A stage's declared inputs at one moment. It survives a passage through JSON.

    Attributes:
        stage: its name in `dvc.yaml`.
        declared: what `dvc.yaml` says of it: command, inputs, outputs, parameters' keys.
        params: value of each parameter that it declares, named as in a StageRecord.
        files: state of each file of its inputs, by path: size, time of change and number of the
            file, and the MD5 of a small one.
    """

    stage: str
    declared: dict[str, Any]
    params: dict[str, Any]
    files: dict[str, list]

    def amend(self, record):
        """A StageRecord with these parameters, and without inputs that are other files by now."""
        changed = self._changed_files(_states(record.deps))
        deps = {
            path: value
            for path, value in record.deps.items()
            if not any(file == path or file.startswith(f"{path}/") for file in changed)
        }
        return replace(record, params=self.params, deps=deps)

    def outputs(self):
        """The paths of all outputs, metrics and plots that the stage declares."""
        return [out["path"] for out in self.declared["outs"]]

    def check(self):
        """Make sure that nothing has changed since then.

        Raises:
            UserError: it has; the message names each change.
        """
        changes = self._changes(take(self.stage))
        if changes:
            raise UserError(
                f"{', '.join(changes)}: changed while {self.stage} ran; its outputs are not those "
                "of the new state, run it again"
            )

    def _changes(self, now):
        if now is None or now.declared != self.declared:
            return [f"dvc.yaml: stages.{self.stage}"]
        params = [
            f"{_place(key)} (was {value!r}, is {now.params.get(key)!r})"
            for key, value in self.params.items()
            if now.params.get(key) != value
        ]
        return params + self._changed_files(now.files)

    def _changed_files(self, now):
        names = sorted(self.files.keys() | now.keys())
        return [name for name in names if not _same(self.files.get(name), now.get(name))]

    def as_json(self):
        """A dict that json.dumps takes and from which `Fingerprint(**…)` makes an equal one."""
        return asdict(self)


def _place(key):
    """Where a parameter stands: its file, and its key there."""
    file, found, inside = key.rpartition(":")
    return f"{file if found else DEFAULT_FILE}: {inside}"


def prepare():
    """Take the fingerprint of the stage that DVC runs in this process, before it reads anything."""
    if name := os.environ.get("DVC_STAGE", "").rpartition(":")[2]:
        _prepared[:] = filter(None, [take(name)])


def claim(stage):
    """The fingerprint that was prepared for a stage; or one that is taken now."""
    found = [each for each in _prepared if each.stage == stage]
    _prepared.clear()
    return found[0] if found else take(stage)


def take(stage):
    """Take the fingerprint of a stage in the current folder.

    Returns:
        Fingerprint; None where `dvc.yaml` has no such stage, or cannot be read.
    """
    tree = WorkingTree()
    try:
        declared = Pipeline.of(tree).stages.get(stage)
        if declared is None:
            return None
        params = Parameters(tree).of_stage(declared)
    except UserError:
        return None
    content = {
        "stage": stage,
        "declared": asdict(declared),
        "params": params,
        "files": _states(declared.deps),
    }
    return Fingerprint(**json.loads(json.dumps(content, default=str)))


def _states(paths):
    """State of each file that there is of some inputs, which may be folders, by the file's path."""
    tree = WorkingTree()
    files = [file for path in paths for file in (tree.paths(path) if isdir(path) else [path])]
    return {file: _state(file) for file in files if isfile(file)}


def _state(file):
    stat = os.stat(file)
    content = md5(file) if stat.st_size <= SMALL else None
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino, content]


def _same(before, now):
    """Whether a file has the same content: a small one may have been written again."""
    if before is None or now is None:
        return before is now
    return before == now or (before[3] is not None and before[3] == now[3])
