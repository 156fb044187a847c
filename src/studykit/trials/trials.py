"""Trials: runs of the study that differ in their parameters, each a DVC experiment of its own."""

import difflib
import itertools
import math
import os
import re
import shlex
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from studykit import study
from studykit.documents import decode
from studykit.dotted import flatten, look_up
from studykit.errors import UserError
from studykit.files import read_bytes
from studykit.params import check_values
from studykit.records.parameters import DEFAULT_FILE
from studykit.records.revisions import WORKSPACE, Revision, all_revisions
from studykit.trials.names import Namer, name_by, spell

MOST = 10_000  # trials of a sweep; more are a slip of the pen
FAILED_TO_RUN = re.compile(r"ERROR: failed to reproduce '[^']*'($|: .*exited with )")


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
        return [f"{key}={spell(value)}" for key, value in self.overrides.items()]


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


def seeds(number, vary=None):
    """Repeat with other seeds: trial k of 0, 1, … has seed k.

    Args:
        number: how many.
        vary: what the seeds are for: a name that `studykit.yaml` gives to some seeds, or `all`,
            `both` where there are two names; None for all.

    Returns:
        list of overrides.

    Raises:
        UserError: the study names no seeds, or none of that name.
    """
    named = study.load_study()
    if not named.seeds:
        raise UserError(
            f"{study.FILE}: seeds: expected the parameters that are seeds, received none"
        )
    everything = "both" if len(named.seeds) == 2 else "all"
    keys = named.seeds | {everything: named.all_seeds}
    vary = vary or everything
    if vary not in keys:
        raise UserError(f"--vary: expected one of {', '.join(keys)}, received {vary}")
    _check_number(number, "--seeds")
    return [dict.fromkeys(keys[vary], seed) for seed in range(number)]


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
    from hydra.core.override_parser.types import OverrideType, RangeSweep
    from hydra.errors import HydraException

    combinations = []
    for word in words:
        try:
            values = [each.value() for each in to_hydra_overrides([word])]
            for value in values:
                if isinstance(value, RangeSweep):  # which may have no end
                    number = sum(1 for _ in itertools.islice(value.range(), MOST + 1))
                    _check_number(number, word)
            (sweep,) = zip(*(each[""] for each in get_hydra_sweeps({"": [word]})), strict=True)
            parsed = to_hydra_overrides(list(sweep))
        except (HydraException, ValueError, ArithmeticError):
            raise UserError(f"{word}: expected KEY=VALUE or KEY=VALUE,VALUE") from None
        if parsed[0].type != OverrideType.CHANGE:
            raise UserError(f"{word}: expected KEY=VALUE or KEY=VALUE,VALUE")
        combinations.append([{each.key_or_group: each.value()} for each in parsed])
    return _multiply(combinations)


def lines(path):
    """Read a file with a trial a line: its overrides, apart by spaces. `#` begins a comment.

    Args:
        path: of the file.

    Returns:
        list of overrides.

    Raises:
        UserError: there is no such file, or a line is none of overrides.
    """
    path = os.path.relpath(path)
    text = decode(read_bytes(path), path)
    overrides: list[dict[str, Any]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            words = shlex.split(line, comments=True)
            overrides += grid(words) if words else []
            _check_number(len(overrides), "so far")
        except (UserError, ValueError) as error:
            raise UserError(f"{path}:{number}: {error}") from None
    return overrides


def expand(*choices, target=None):
    """Make a trial of each combination.

    Args:
        choices: lists of overrides; a trial takes one of each list.
        target: the stage that the trials run, with those that it needs; by default the study's
            last one.

    Returns:
        list of Trial, none twice. One with a value that makes no sense has an error.

    Raises:
        UserError: no such parameter or stage, or a parameter given twice.
    """
    named = study.load_study()
    values = Revision(WORKSPACE, None).params()
    namer = Namer(target or named.last_stage)
    trials = {}
    for overrides in _multiply(choices):
        changed = deepcopy(values)
        for key, value in overrides.items():
            _replace(changed, key, value)
        trial = _trial(overrides, changed, namer, named)
        trials[trial.name] = trial
    return list(trials.values())


def _trial(overrides, values, namer, named):
    label = _label(overrides, values, named)
    try:
        name = namer.name(overrides, values, label=label)
        check_values(named, values)
    except UserError as invalid:
        error = str(invalid).replace("\n", "; ")
        return Trial(name_by(overrides, values, label=label), overrides, error)
    return Trial(name, overrides)


def _label(overrides, values, named):
    """What data a trial is of, where parameters say so and the overrides do not."""
    keys = set(named.parameters_of_registry)
    return named.registry_for(values) if keys and not keys & overrides.keys() else ""


def done(trials):
    """Find the experiments of those trials that have run.

    Returns:
        dict: name to the experiment's commit.
    """
    commits = {each.name: each.commit for each in all_revisions() if each.baseline}
    return {trial.name: commits[trial.name] for trial in trials if trial.name in commits}


def experiments_of(names):
    """The Revisions of experiments, by their names; of several, those of each baseline."""
    return [each for each in all_revisions() if each.baseline and each.name in names]


def last_error(output):
    """The line of a failed trial's output that says why."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    said = [line for line in lines if not FAILED_TO_RUN.match(line)]  # which says no reason
    return (errors or said or lines or ["it said nothing"])[-1].removeprefix("error: ")


def _multiply(choices):
    """Merge one of each list, in every combination."""
    _check_number(math.prod(map(len, choices)), "all together")
    return [_merge(combination) for combination in itertools.product(*choices)]


def _check_number(number, where):
    if number > MOST:
        raise UserError(f"{where}: expected at most {MOST:,} trials, received more")


def _merge(parts):
    merged: dict[str, Any] = {}
    for part in parts:
        if twice := merged.keys() & part:
            raise UserError(f"{min(twice)}: expected once, received twice")
        merged |= part
    return merged


def _replace(values, key, value):
    """Replace the value at a dotted key."""
    *path, last = key.split(".")
    section = look_up(values, ".".join(path), None) if path else values
    if not isinstance(section, dict) or last not in section:
        near = difflib.get_close_matches(key, flatten(values), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UserError(
            f"{key}: expected a parameter of {DEFAULT_FILE}, found none of that name{hint}"
        )
    section[last] = value
