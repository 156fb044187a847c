"""Trials: runs of the study that differ in their parameters, each a DVC experiment of its own.

A trial is known by its name, which ends in a hash over all that determines its results. So an
experiment of that name is that trial, whichever commit it was started from.
"""

import difflib
import hashlib
import itertools
import json
import re
import shlex
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnist_study import params
from studykit.errors import UserError
from studykit.files import md5
from studykit.records.revisions import WORKSPACE, Revision, all_revisions

TARGET = "evaluate"  # the report of each of a hundred trials is rarely wanted
SEEDS = {
    "split": ("preprocess.seed",),
    "weights": ("compute.seed",),
    "both": ("preprocess.seed", "compute.seed"),
}


@dataclass(frozen=True)
class Trial:
    """One run of the study.

    Attributes:
        name: of its DVC experiment.
        overrides: value of each parameter that differs from `params.yaml`, by dotted key.
        error: why it cannot run, in a line; None where nothing is known against it.
    """

    name: str
    overrides: dict[str, Any]
    error: str | None = None

    @property
    def words(self):
        """What `dvc exp run -S` is given, a word an override."""
        return [f"{key}={_spell(value)}" for key, value in self.overrides.items()]


@dataclass(frozen=True)
class Event:
    """What a runner tells of its trials.

    Attributes:
        running: how many run now.
        name: of the trial that has finished, if one has.
        error: why it failed, in a line; None if it did not.
    """

    running: int
    name: str | None = None
    error: str | None = None


def seeds(number, vary="both"):
    """Repeat with other seeds: trial k of 0, 1, … has seed k.

    Args:
        number: how many.
        vary: `split` for the seed of the split into train and val, `weights` for that of the
            training, `both` for both: the same k.

    Returns:
        list of overrides.
    """
    return [dict.fromkeys(SEEDS[vary], seed) for seed in range(number)]


def grid(words):
    """Try every combination of values.

    Args:
        words: overrides as `dvc exp run --queue -S` takes them; `train_cnn.dropout=0,0.2` are two.

    Returns:
        list of overrides.

    Raises:
        UserError: a word is none.
    """
    from dvc.utils.hydra import get_hydra_sweeps, to_hydra_overrides
    from hydra.core.override_parser.types import OverrideType
    from hydra.errors import HydraException

    combinations = []
    for word in words:
        try:
            (sweep,) = zip(*(each[""] for each in get_hydra_sweeps({"": [word]})), strict=True)
            parsed = to_hydra_overrides(list(sweep))
        except (HydraException, ValueError):
            raise UserError(f"{word}: expected KEY=VALUE or KEY=VALUE,VALUE") from None
        if parsed[0].type != OverrideType.CHANGE:
            raise UserError(f"{word}: expected KEY=VALUE or KEY=VALUE,VALUE")
        combinations.append([{each.key_or_group: each.value()} for each in parsed])
    return _multiply(combinations)


def lines(path):
    """Read a file with a trial a line: its overrides, apart by spaces. `#` begins a comment.

    Returns:
        list of overrides.

    Raises:
        UserError: there is no such file, or a line is none of overrides.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    overrides: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            words = shlex.split(line, comments=True)
            overrides += grid(words) if words else []
        except (UserError, ValueError) as error:
            raise UserError(f"{path}:{number}: {error}") from None
    return overrides


def expand(*choices, target=TARGET):
    """Make a trial of each combination.

    Args:
        choices: lists of overrides; a trial takes one of each list.
        target: the stage that the trials run, with those that it needs.

    Returns:
        list of Trial, none twice. One with a value that makes no sense has an error.

    Raises:
        UserError: no such parameter or stage, or a parameter given twice.
    """
    workspace = Revision(WORKSPACE, None)
    values, stages = workspace.params(), workspace.pipeline().get("stages", {})
    code = _code(stages, target)
    trials = {}
    for given in _multiply(choices):
        changed = deepcopy(values)
        for key, value in given.items():
            _set(changed, key, value)
        try:
            params.check(changed)
            error = None
        except UserError as invalid:
            error = str(invalid).replace("\n", "; ")
        determined_by = [target, code, _params(stages, code, changed)]
        digest = hashlib.md5(json.dumps(determined_by, sort_keys=True).encode()).hexdigest()
        name = f"{_readable(given)}-{digest[:7]}"
        trials[name] = Trial(name, given, error)
    return list(trials.values())


def done(trials):
    """Find the experiments of those trials that have run.

    Returns:
        dict: name to the experiment's commit.
    """
    commits = {each.name: each.commit for each in all_revisions() if each.baseline}
    return {trial.name: commits[trial.name] for trial in trials if trial.name in commits}


def last_error(output):
    """The line of a failed trial's output that says why."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    said = [line for line in lines if not line.startswith("ERROR: failed to reproduce")]
    return (errors or said or lines or ["it said nothing"])[-1].removeprefix("error: ")


def _multiply(choices):
    """Merge one of each list, in every combination."""
    return [_merge(combination) for combination in itertools.product(*choices)]


def _merge(parts):
    merged: dict[str, Any] = {}
    for part in parts:
        if twice := merged.keys() & part:
            raise UserError(f"{min(twice)}: expected once, received twice")
        merged |= part
    return merged


def _code(stages, target):
    """Command and source files, with their MD5, of the stages that a target needs."""
    makers = {
        path: name
        for name, stage in stages.items()
        for kind in ("outs", "metrics", "plots")
        for path in (
            out if isinstance(out, str) else next(iter(out)) for out in stage.get(kind, ())
        )
    }
    if target not in stages:
        raise UserError(f"{target}: expected a stage of dvc.yaml: {', '.join(stages)}")
    code: dict[str, Any] = {}
    needed = [target]
    while needed:
        if (name := needed.pop()) in code:
            continue
        deps = stages[name].get("deps", ())
        sources = {path: _md5(Path(path)) for path in deps if path not in makers}
        code[name] = [stages[name]["cmd"], sources]
        needed += [makers[path] for path in deps if path in makers]
    return code


def _md5(path):
    """MD5 of a file, of each file of a folder, or None for what is not there yet."""
    if path.is_dir():
        return {str(file): md5(file) for file in path.rglob("*") if file.is_file()}
    return md5(path) if path.is_file() else None


def _params(stages, names, values):
    """The parameters that some stages declare."""
    keys = {key for name in names for key in stages[name].get("params", ())}
    return {key: _section(values, key)[key.rpartition(".")[2]] for key in keys}


def _set(values, key, value):
    """Replace the value at a dotted key."""
    section, last = _section(values, key), key.rpartition(".")[2]
    if not isinstance(section, dict) or last not in section:
        near = difflib.get_close_matches(key, _keys(values), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UserError(
            f"{key}: expected a parameter of params.yaml, found none of that name{hint}"
        )
    section[last] = value


def _section(values, key):
    """What holds the last part of a dotted key, or None."""
    for part in key.split(".")[:-1]:
        values = values.get(part) if isinstance(values, dict) else None
    return values


def _keys(values, prefix=""):
    for key, value in values.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{key}.")


def _readable(overrides):
    """Overrides as the part of a Git ref that a person reads."""
    words = ",".join(f"{key}={_spell(value)}" for key, value in overrides.items())
    bare = re.sub(r"[\"'\[\]{} ]", "", words)
    return re.sub(r"[^A-Za-z0-9_.,=-]+|(?<=\.)\.", "-", bare)[:80].strip("-.,") or "default"


def _spell(value):
    """A value in the grammar of overrides, which for what YAML holds is that of JSON."""
    return json.dumps(value, ensure_ascii=False)
