"""The parameters of an execution of the pipeline, and which of them its baseline has otherwise."""

from typing import Any

from studykit.dotted import flatten
from studykit.errors import hide_passwords
from studykit.records.parameters import Parameters
from studykit.records.pipeline import Pipeline
from studykit.records.trees import GitTree

SHOWN = 3  # changes in a name; a tag has all of them


def parameters(tree, records=()):
    """All values that the pipeline's stages declare.

    Args:
        tree: Tree.
        records: StageRecords whose own values are taken where the tree has been edited since, each
            after those that it reads from.

    Returns:
        dict: value by dotted key, and by `file:key` where that file is not `params.yaml`.
    """
    values = _declared(tree, tree)
    for record in reversed(records):
        values |= record.params
    return flatten(values)


def changes(values, tree, baseline):
    """Those of the values that the baseline does not have.

    Args:
        values: see `parameters`.
        tree: whose `dvc.yaml` says what is declared.
        baseline: commit; without one, or where it has no parameters at all, nothing has changed.
    """
    before = flatten(_declared(tree, GitTree(baseline, baseline[:7]))) if baseline else {}
    if not before:
        return {}
    return {key: value for key, value in values.items() if before.get(key, _MISSING) != value}


def name(execution, changed):
    """What to call an execution of the pipeline: what it changes first.

    Args:
        execution: the experiment's name, or branch and commit.
        changed: see `changes`.
    """
    words = spell(changed)
    if not words:
        return execution
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    if "=" in execution:  # a trial of a sweep: values, which would come twice, and a digest
        execution = execution.rpartition("-")[2]
    return f"{', '.join(words[:SHOWN])}{more} · {execution}"


def spell(changed):
    """Changes as `dvc exp run -S` takes them."""
    return [hide_passwords(f"{key}={value}") for key, value in changed.items()]


_MISSING = object()


def _declared(declaring, holding):
    """What a Tree holds of the parameters that another one's stages declare."""
    held = Parameters(holding)
    values: dict[str, Any] = {}
    for stage in Pipeline.of(declaring).stages.values():
        values |= held.of_stage(stage)
    return values
