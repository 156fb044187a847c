"""What summaries say of each revision: how it differs, its metrics, and what those were made from.

Of hundreds of experiments, only parameters, `dvc.yaml`, `dvc.lock` and files of metrics are read,
each version once.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from studykit.compare.lock import read_output
from studykit.compare.metric_files import declared_metrics, metric_paths, read_metrics
from studykit.compare.parsing import metric_parser
from studykit.dotted import flatten, look_up
from studykit.errors import UserError, warn
from studykit.records.git import git, git_lines
from studykit.records.lock import FILE as LOCK
from studykit.records.lock import Lock
from studykit.records.parameters import DEFAULT_FILE, Parameters, full_name
from studykit.records.pipeline import FILE, Pipeline
from studykit.records.snapshots import Snapshot, list_ahead, read_ahead
from studykit.records.trees import Tree, WorkingTree
from studykit.runs.current import Current

TEMPLATE = re.compile(r"\$\{\s*([\w.-]+)")  # what one of DVC's templates begins with


@dataclass(frozen=True)
class Origin:
    """What a metric was made from.

    Attributes:
        setting: the parameters that it depends on, without seeds, by dotted key.
        seeds: those of them that are seeds.
        code: digest of the commands and sources.
        stages: names of those that made it.
    """

    setting: dict[str, Any]
    seeds: dict[str, Any]
    code: str
    stages: frozenset[str]


@dataclass(frozen=True)
class Entry:
    """A revision in a summary.

    Attributes:
        name: of the workspace, branch, tag or experiment.
        commit: 40 hexadecimal digits, or None for the workspace.
        baseline: of an experiment, the commit that it started from.
        time: of the commit, in seconds since 1970; None for the workspace.
        params: every parameter by dotted key, and by `file:key` outside `params.yaml`.
        differs: those that are not the baseline's; HEAD's, where it is no experiment.
        metrics: number by name, without those of stages that have not run with these parameters.
        stale: stages whose metrics are left out for that.
        origins: Origin of each headline metric that a stage made.
    """

    name: str
    commit: str | None = None
    baseline: str | None = None
    time: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    differs: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    stale: tuple[str, ...] = ()
    origins: dict[str, Origin] = field(default_factory=dict)


def read_entries(revisions, study):
    """Read what summaries need of revisions; one that cannot be read is warned about.

    Args:
        revisions: list of Revision.
        study: Study.

    Returns:
        list of Entry, in their order.
    """
    return list(Reader(study).read(revisions))


class Reader:
    """Reads revisions, each version of a file once.

    Args:
        study: Study.
    """

    def __init__(self, study):
        self._study = study
        self._known: dict[tuple, Any] = {}

    def read(self, revisions):
        """Yield the Entry of each Revision."""
        head = git("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        names = {r.baseline or head: "the baseline" for r in revisions if r.baseline or head}
        names |= {r.commit: r.label for r in revisions if r.commit}
        held = {commit: Snapshot(commit, name) for commit, name in names.items()}
        files = (FILE, LOCK, DEFAULT_FILE)
        read_ahead((tree, file) for tree in held.values() for file in files)
        list_ahead((tree, path) for tree in held.values() for path in self._metric_folders(tree))
        read_ahead((tree, path) for tree in held.values() for path in self._further_files(tree))
        trees: dict[str | None, Tree] = {**held, None: WorkingTree()}
        times = _commit_times([r.commit for r in revisions if r.commit])
        for revision in revisions:
            base = trees[revision.baseline or head] if revision.baseline or head else None
            try:
                yield self._entry(revision, trees[revision.commit], base, times)
            except UserError as error:
                warn(error)
                yield Entry(revision.name, revision.commit, revision.baseline)

    def _entry(self, revision, tree, base, times):
        params = self._params(tree)
        before = self._params_of_baseline(base)
        pipeline = self._pipeline(tree)
        lock = self._lock(tree, pipeline)
        current = Current(pipeline, lock, params)
        metrics: dict[str, float] = {}
        makers: dict[str, str | None] = {}
        stale = []
        for path in self._metric_paths(tree, pipeline):
            maker = next(iter(pipeline.makers(path)), None)
            if maker is not None and not current.is_current(maker):
                stale.append(maker)
                continue
            content = tree.read(path)
            if content is None:
                content = read_output(revision, lock, path)
            if content is None:
                continue
            try:
                found = read_metrics(self._study, path, content, tree.describe(path))
            except UserError as error:  # such as a loss that is no number: the rest is shown
                warn(error)
                continue
            metrics |= found
            makers |= dict.fromkeys(found, maker)
        shown = self._study.headlines(metrics) if self._study.headline else metrics
        by_stage = {maker: self._origin(current, maker) for maker in set(makers.values()) if maker}
        return Entry(
            name=revision.name,
            commit=revision.commit,
            baseline=revision.baseline,
            time=times.get(revision.commit),
            params=params,
            differs={k: v for k, v in params.items() if k not in before or before[k] != v},
            metrics=metrics,
            stale=tuple(dict.fromkeys(stale)),
            origins={n: by_stage[maker] for n in shown if (maker := makers[n]) is not None},
        )

    def _origin(self, current, maker):
        declared, code = current.made_from(maker)
        seeds = {key: declared[key] for key in self._study.all_seeds if key in declared}
        return Origin(
            setting={key: value for key, value in declared.items() if key not in seeds},
            seeds=seeds,
            code=hashlib.md5(json.dumps(code, default=str).encode()).hexdigest(),
            stages=frozenset(code),
        )

    def _further_files(self, tree):
        """Paths of the other files of parameters, and of those of metrics."""
        try:
            pipeline = self._pipeline(tree)
            return [*_files(pipeline), *self._metric_paths(tree, pipeline)]
        except UserError:
            return []  # said when its turn comes

    def _metric_folders(self, tree):
        """Paths of what is declared as metrics and may be a folder."""
        try:
            declared = self._declared_metrics(tree, self._pipeline(tree))
        except UserError:
            return []
        return [path for path in declared if metric_parser(path) is None]

    def _metric_paths(self, tree, pipeline):
        declared = self._declared_metrics(tree, pipeline)
        return metric_paths(tree, declared, without=self._study.outputs.claims)

    def _declared_metrics(self, tree, pipeline):
        key = "metrics", tree.read(FILE), id(pipeline)
        return self._once(key, lambda: declared_metrics(tree, pipeline))

    def _params_of_baseline(self, tree):
        try:
            return self._params(tree) if tree else {}
        except UserError:
            return {}

    def _params(self, tree):
        """Every parameter of a tree, by its full name."""
        params: dict[str, Any] = {}
        for file in dict.fromkeys((DEFAULT_FILE, *_files(self._pipeline(tree)))):
            values = self._file(tree, file)
            params |= flatten({full_name(file, key): value for key, value in values.items()})
        return params

    def _pipeline(self, tree):
        """The Pipeline of a tree; of templates, once for each of the values that they name."""
        if isinstance(tree, WorkingTree):
            return self._once((tree,), lambda: Pipeline.of(tree))
        text = (tree.read(FILE) or b"").decode(errors="replace")
        if "vars" in text:  # which may name any other file
            return self._once(("pipeline", tree.commit), lambda: Pipeline.of(tree))
        values = self._file(tree, DEFAULT_FILE) if "${" in text else {}
        named = {name: look_up(values, name, None) for name in TEMPLATE.findall(text)}
        key = "pipeline", text, json.dumps(named, default=str)
        return self._once(key, lambda: Pipeline.of(tree))

    def _file(self, tree, file):
        """The values of a file of parameters."""
        return self._once((file, tree.read(file)), lambda: Parameters(tree).file(file))

    def _lock(self, tree, pipeline):
        key = "lock", tree.read(LOCK), id(pipeline)
        return self._once(key, lambda: Lock.of(tree, pipeline))

    def _once(self, key, make):
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


def _files(pipeline):
    """Paths of all files of parameters that stages name."""
    return {file for stage in pipeline.stages.values() for file in stage.params}


def _commit_times(commits):
    if not commits:  # Git would take HEAD instead
        return {}
    lines = git_lines("log", "--no-walk=unsorted", "--stdin", "--format=%H %ct", words=commits)
    return {commit: int(time) for commit, time in (line.split() for line in lines)}
