"""What `dvc.lock` says of a revision's stages: how they were run, and what made what."""

from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import PurePosixPath
from typing import Any

from studykit.records.pipeline import record_from_lock


@dataclass(frozen=True)
class Stage:
    """The last execution of a stage.

    Attributes:
        cmd: its command.
        params: value of each parameter that it declares, by dotted key.
        deps: MD5 of each input, by path.
        outs: MD5 of each output, likewise.
    """

    cmd: Any
    params: dict[str, Any]
    deps: dict[str, str | None]
    outs: dict[str, str | None]


def read_stages(revision):
    """Stage by name, in the order of a revision's `dvc.lock`."""
    stages = {}
    for name, locked in revision.lock().items():
        record = record_from_lock(name, locked, open)
        stages[name] = Stage(locked.get("cmd"), record.params, record.deps, record.outs)
    return stages


def outputs_of(stages):
    """MD5 of each output of all stages, by path."""
    return {path: md5 for stage in stages.values() for path, md5 in stage.outs.items()}


def makers(stages, path):
    """Names of the stages that make a file, a part of a folder, or a folder that holds it."""
    return [
        name for name, stage in stages.items() if any(_overlap(path, out) for out in stage.outs)
    ]


def in_order(stages):
    """Names of the stages, each after those whose outputs it reads."""
    needs = {
        name: {maker for path in stage.deps for maker in makers(stages, path)} - {name}
        for name, stage in stages.items()
    }
    return list(TopologicalSorter(needs).static_order())


def with_upstream(stages, paths):
    """Names of the stages that make the given paths, and of all that these need."""
    found: set[str] = set()
    wanted = list(paths)
    while wanted:
        for name in makers(stages, wanted.pop()):
            if name not in found:
                found.add(name)
                wanted += stages[name].deps
    return found


def _overlap(one, other):
    one, other = PurePosixPath(one), PurePosixPath(other)
    return one.is_relative_to(other) or other.is_relative_to(one)
