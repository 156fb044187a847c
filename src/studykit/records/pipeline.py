"""What `dvc.yaml` declares: stages with their command, inputs, parameters and outputs.

Everything is resolved: templates, `foreach` and `matrix`, and paths, which are those from the
project's root whatever a stage's `wdir` is.
"""

import posixpath
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import BaseModel, model_validator

from studykit.documents import check_shape
from studykit.errors import UserError
from studykit.records.parameters import DEFAULT_FILE, load_yaml
from studykit.records.templates import is_templated, resolve

FILE = "dvc.yaml"
KINDS = ("outs", "metrics", "plots")


@dataclass(frozen=True)
class Output:
    """An output of a stage.

    Attributes:
        path: of a file or a folder.
        is_cached: whether DVC's cache holds it; otherwise it is usually in Git.
        kind: `outs`, `metrics` or `plots`, as it is declared.
        persists: whether DVC leaves it where it is before it runs the stage.
    """

    path: str
    is_cached: bool = True
    kind: str = "outs"
    persists: bool = False


@dataclass(frozen=True)
class Stage:
    """A stage as `dvc.yaml` declares it.

    Attributes:
        name: with its item, such as `train@cnn`.
        cmd: the command, or a list of them.
        deps: paths of its inputs; one with `://` lies outside the file system.
        params: dotted keys by file of parameters; no keys for all of the file.
        outs: its outputs, metrics and plots.
        wdir: the folder from which it is run, "" for the root.
        is_frozen: whether DVC takes no notice of its inputs.
    """

    name: str
    cmd: str | list[str]
    deps: tuple[str, ...]
    params: dict[str, list[str]]
    outs: tuple[Output, ...]
    wdir: str = ""
    is_frozen: bool = False


class Pipeline:
    """The stages of a `dvc.yaml`.

    Attributes:
        stages: Stage by name, in the order of the file.
        is_templated: whether parameters can change what it declares.
    """

    def __init__(self, stages, is_templated=False):
        self.stages: dict[str, Stage] = stages
        self.is_templated = is_templated

    @classmethod
    def of(cls, tree):
        """Read `dvc.yaml` in a Tree; no stages where there is no such file.

        Raises:
            UserError: the file, or one that its templates need, is wrong.
        """
        declared = load_yaml(tree, FILE)
        check_shape(_Written, declared, tree.describe(FILE))
        stages = declared.get("stages", {})
        templated = is_templated(tree.read(FILE) or b"", stages)
        if templated:
            stages = resolve(tree, declared)
        resolved = check_shape(_Resolved, {"stages": stages}, tree.describe(FILE)).stages
        return cls({name: each.stage(name) for name, each in resolved.items()}, templated)

    @cached_property
    def outs(self):
        """Stage's name by the path of each output."""
        return {out.path: stage.name for stage in self.stages.values() for out in stage.outs}

    def makers(self, path):
        """Names of the stages that make a file or folder, something in it, or a folder around."""
        return makers(self.outs, path)

    def needed_by(self, target=None):
        """The stages that a target needs, itself included; all where none is named.

        Args:
            target: a stage's name, or that of a group by `foreach` or `matrix`.

        Returns:
            list of Stage, in the order of the file.

        Raises:
            UserError: there is no such stage.
        """
        wanted = [name for name in self.stages if target in (None, name, name.partition("@")[0])]
        if target and not wanted:
            raise UserError(f"{target}: expected a stage of {FILE}: {', '.join(self.stages)}")
        needed: set[str] = set()
        while wanted:
            if (name := wanted.pop()) not in needed:
                needed.add(name)
                wanted += [maker for dep in self.stages[name].deps for maker in self.makers(dep)]
        return [stage for name, stage in self.stages.items() if name in needed]


def makers(outs, path):
    """Names of the stages that make a file or folder, something in it, or a folder around it.

    Args:
        outs: stage's name by the path of each output.
        path: of the file or folder.
    """
    if path in outs:
        return {outs[path]}
    return {name for out, name in outs.items() if is_below(out, path) or is_below(path, out)}


def is_below(path, folder):
    """Whether a path lies in a folder."""
    return folder == "." or path.startswith(f"{folder}/")


def sort_stages(reads):
    """Names of stages, each after those whose outputs it reads.

    A `dvc.lock` keeps stages that are no longer in `dvc.yaml`: these may read what is made of their
    own outputs today. One link of each such circle does not count.

    Args:
        reads: set of names of those stages, by the stage's name.
    """
    while True:
        try:
            return list(TopologicalSorter(reads).static_order())
        except CycleError as error:
            read, reader = error.args[1][:2]
            reads = reads | {reader: reads[reader] - {read}}


def place(wdir, path):
    """A path from the root, of one that a stage states from its own folder."""
    return path if "://" in path else posixpath.normpath(posixpath.join(wdir, path))


class _Group(BaseModel):
    """A stage before its template is resolved."""

    foreach: dict[Any, Any] | list[Any] | str | None = None
    do: dict[str, Any] | None = None
    matrix: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_both(self):
        if (self.foreach is None) != (self.do is None):
            raise ValueError("expected both `foreach` and `do`")
        return self


class _Written(BaseModel):
    stages: dict[str, _Group] = {}


class _Declared(BaseModel):
    """A stage, resolved."""

    cmd: str | list[str]
    wdir: str | None = None
    deps: list[str] = []
    params: list[str | dict[str, list[str] | None]] = []
    outs: list[str | dict[str, Any]] = []
    metrics: list[str | dict[str, Any]] = []
    plots: list[str | dict[str, Any]] = []
    frozen: bool = False

    def stage(self, name):
        wdir = posixpath.normpath(self.wdir or "")
        wdir = "" if wdir == "." else wdir
        return Stage(
            name=name,
            cmd=self.cmd,
            deps=tuple(place(wdir, path) for path in self.deps),
            params={place(wdir, file): keys for file, keys in self._params().items()},
            outs=tuple(self._outs(wdir)),
            wdir=wdir,
            is_frozen=self.frozen,
        )

    def _params(self):
        """Keys by file; a file that is named without keys counts as a whole."""
        keys: dict[str, list[str]] = {}
        for item in self.params:
            for file, some in ({DEFAULT_FILE: [item]} if isinstance(item, str) else item).items():
                whole = not some or keys.get(file) == []
                keys[file] = [] if whole else [*keys.get(file, []), *(some or [])]
        return keys

    def _outs(self, wdir):
        for kind in KINDS:
            for out in getattr(self, kind):
                for path, options in ({out: None} if isinstance(out, str) else out).items():
                    said = options if isinstance(options, dict) else {}
                    cached, persists = said.get("cache", True), said.get("persist", False)
                    yield Output(place(wdir, path), cached, kind, persists)


class _Resolved(BaseModel):
    stages: dict[str, _Declared] = {}
