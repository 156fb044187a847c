"""What differs between two revisions by name, and which stages ran again for what."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """Anything by name, before and after; None where the revision lacks it."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Rerun:
    """A stage whose inputs or outputs changed, and why it ran again."""

    stage: str
    reasons: list[str]


def changes(before, after):
    """Change of each key whose value differs, in the order of the later."""
    return [
        Change(name, before.get(name), after.get(name))
        for name in dict.fromkeys((*after, *before))
        if before.get(name) != after.get(name)
    ]


def compare_stages(before, after):
    """Say which stages ran again and why.

    Args:
        before, after: LockedStage by name.

    Returns:
        list of Rerun, in the later lock's order.
    """
    reruns = []
    for name in dict.fromkeys((*after, *before)):
        if name not in before or name not in after:
            reruns.append(Rerun(name, ["new stage" if name in after else "removed"]))
        elif reasons := _reasons(before[name], after[name]):
            reruns.append(Rerun(name, reasons))
    return reruns


def _reasons(before, after):
    """Why a stage ran again; empty where it did not."""
    reasons = ["command"] if before.cmd != after.cmd else []
    reasons += [change.name for change in changes(before.params, after.params)]
    reasons += [change.name for change in changes(before.deps, after.deps)]
    if not reasons and before.outs != after.outs:
        return ["same inputs, other outputs"]
    return reasons
