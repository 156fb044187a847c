"""What a trial is called: its values, for people, and a digest of all that determines its results.

So an experiment of a trial's name is that trial, whichever commit it was started from. The digest
covers the stages that the trial runs: their commands, the files and folders that no stage makes,
and their parameters.
"""

import hashlib
import json
import re

from studykit.dotted import canonical
from studykit.records.contents import Contents
from studykit.records.lock import Lock
from studykit.records.parameters import DEFAULT_FILE, Parameters
from studykit.records.pipeline import Pipeline, is_below
from studykit.records.trees import WorkingTree


class Namer:
    """Names trials of the working tree.

    Args:
        target: the stage that they run, with those that it needs; None for all stages.

    Raises:
        UserError: there is no such stage.
    """

    def __init__(self, target):
        self._target, self._tree = target, WorkingTree()
        self._pipeline = Pipeline.of(self._tree)
        self._code = _code(self._pipeline, target, self._tree)

    def name(self, overrides, values, *, label=""):
        """The name of a trial.

        Args:
            overrides: what differs from `params.yaml`, by dotted key.
            values: all of `params.yaml`, with that difference.
            label: a word that it begins with.

        Raises:
            UserError: templates in `dvc.yaml` cannot be resolved with those values.
        """
        pipeline, code = self._pipeline, self._code
        if pipeline.is_templated:
            pipeline = Pipeline.of(_TreeWithParameters(values))
            code = _code(pipeline, self._target, self._tree)
        parameters = Parameters(self._tree, {DEFAULT_FILE: values})
        declared: dict[str, object] = {}
        for stage in pipeline.needed_by(self._target):
            declared |= parameters.of_stage(stage)
        return name_by(overrides, [self._target, code, declared], label=label)


def name_by(overrides, determined_by, *, label=""):
    """A name of values, and of the digest of what determines the results, as JSON has it."""
    text = canonical(determined_by)
    return f"{_readable(overrides, label)}-{hashlib.md5(text.encode()).hexdigest()[:7]}"


def spell(value):
    """A value in the grammar of overrides, which for what YAML holds is that of JSON."""
    return json.dumps(value, ensure_ascii=False)


def _code(pipeline, target, tree):
    """Command, and MD5 of each source, of the stages that a target needs."""
    contents = Contents(tree, pipeline, Lock({}))
    return {
        stage.name: [stage.cmd, {path: _source(path, pipeline, contents) for path in stage.deps}]
        for stage in pipeline.needed_by(target)
    }


def _source(path, pipeline, contents):
    """MD5 of what no stage makes of an input; None where a stage makes all of it."""
    if any(path == out or is_below(path, out) for out in pipeline.outs):
        return None
    if "://" in path:
        return None
    made = [out for out in pipeline.outs if is_below(out, path)]
    return contents.md5(path, without=made)


def _readable(overrides, label):
    """Overrides as the part of a Git ref that a person reads."""
    values = [f"{key}={spell(value)}" for key, value in overrides.items()]
    words = ",".join([label] * bool(label) + values)
    bare = re.sub(r"[\"'\[\]{} ]", "", words)
    return re.sub(r"[^A-Za-z0-9_.,=-]+|(?<=\.)\.", "-", bare)[:80].strip("-.,") or "default"


class _TreeWithParameters(WorkingTree):
    """The working tree with other values in `params.yaml`."""

    def __init__(self, values):
        super().__init__()
        self._content = json.dumps(values, default=str).encode()

    def read(self, path):
        return self._content if path == DEFAULT_FILE else super().read(path)
