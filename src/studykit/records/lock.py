"""What `dvc.lock` holds: the inputs, parameters and outputs that each stage last ran with.

And what `.dvc` files hold, which `dvc add` and `dvc import` write.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from studykit.documents import check_shape, parse_yaml
from studykit.errors import UserError
from studykit.records.parameters import full_name, load_yaml
from studykit.records.pipeline import makers, place, sort_stages
from studykit.records.trees import folder_md5

FILE = "dvc.lock"
HEAD = re.compile(rb"schema: '2\.0'")  # of the file, before its stages
SECTION = re.compile(rb"(?m)^  \S.*\n(?:(?: {3,}.*)?\n)*")  # a stage: less than it is indented


@dataclass(frozen=True)
class LockedStage:
    """A stage as it last ran.

    Attributes:
        cmd: the command, or a list of them.
        params: value of each parameter by its dotted key; those of another file than `params.yaml`
            by `file:key`.
        deps: MD5 of each input by path, that of a folder with `.dir` at its end. Of an input that
            lies elsewhere, what else tells its versions apart.
        outs: MD5 of each output, likewise.
    """

    cmd: str | list[str]
    params: dict[str, Any]
    deps: dict[str, str]
    outs: dict[str, str]


class Lock:
    """The stages of a `dvc.lock`.

    Attributes:
        stages: LockedStage by name, in the order of the file.
    """

    def __init__(self, stages):
        self.stages: dict[str, LockedStage] = stages

    @classmethod
    def of(cls, tree, pipeline):
        """Read `dvc.lock` in a Tree; no stages where there is no such file.

        Args:
            tree: Tree.
            pipeline: Pipeline of the same tree: it alone says from which folder a path is meant.

        Raises:
            UserError: the file is wrong.
        """
        try:
            stages = _stages_as_dvc_writes_them(tree.read(FILE) or b"")
        except (UserError, ValueError):  # pydantic's are ValueErrors
            content = check_shape(_File, load_yaml(tree, FILE), tree.describe(FILE))
            stages = content.stages
        wdirs = {name: stage.wdir for name, stage in pipeline.stages.items()}
        return cls({n: each.stage(wdirs.get(n, "")) for n, each in stages.items()})

    @cached_property
    def outs(self):
        """Stage's name by the path of each output."""
        return {path: name for name, stage in self.stages.items() for path in stage.outs}

    @cached_property
    def md5s(self):
        """MD5 of every input and output, by path; of what a stage makes, as that stage left it."""
        stages = self.stages.values()
        return {path: md5 for each in stages for path, md5 in each.deps.items()} | {
            path: md5 for each in stages for path, md5 in each.outs.items()
        }

    def in_order(self):
        """Names of the stages, each after those whose outputs it reads."""
        return sort_stages(
            {
                name: {maker for dep in stage.deps for maker in makers(self.outs, dep)} - {name}
                for name, stage in self.stages.items()
            }
        )


def md5_in_dvc_file(tree, path):
    """MD5 of the data that a `.dvc` file tracks; None where there is no such file.

    Raises:
        UserError: the file is wrong.
    """
    content = load_yaml(tree, path)
    if not content:
        return None
    return check_shape(_DvcFile, content, tree.describe(path)).outs[0].digest()


def _stages_as_dvc_writes_them(content):
    """Read a `dvc.lock` stage by stage, each only once: those of many commits have most in common.

    Args:
        content: of the file, in bytes.

    Returns:
        dict: name to _Locked.

    Raises:
        UserError, ValueError: DVC has not written it so; it may still be right.
    """
    head, found, body = content.partition(b"\nstages:\n")
    if not found or not HEAD.fullmatch(head):
        raise ValueError("not as DVC writes it")
    stages: dict[str, _Locked] = {}
    for section in SECTION.findall(body):
        stages |= _read_section(section)
    if sum(map(len, SECTION.findall(body))) != len(body) or not stages:
        raise ValueError("not as DVC writes it")
    return stages


@lru_cache(maxsize=4096)
def _read_section(section):
    """A section of `stages`, by the stage's name; not to be changed."""
    return {
        name: _Locked.model_validate(stage) for name, stage in parse_yaml(section, FILE).items()
    }


class _Item(BaseModel):
    """An input or output; in place of `md5`, other systems have `etag`, `version_id` and so on."""

    model_config = ConfigDict(extra="allow")

    path: str
    md5: str | None = None
    files: list[dict[str, Any]] | None = None

    def digest(self):
        """What tells versions apart: the MD5 where there is one."""
        if self.md5:
            return self.md5
        files = [(file.get("relpath"), file.get("md5")) for file in self.files or ()]
        if files and all(path and md5 for path, md5 in files):
            return folder_md5({str(path): str(md5) for path, md5 in files})
        rest = self.model_dump(exclude={"path", "size", "nfiles"}, exclude_none=True)
        return hashlib.md5(json.dumps(rest, sort_keys=True, default=str).encode()).hexdigest()


class _Locked(BaseModel):
    cmd: str | list[str]
    deps: list[_Item] = []
    params: dict[str, dict[str, Any]] = {}
    outs: list[_Item] = []

    def stage(self, wdir):
        return LockedStage(
            cmd=self.cmd,
            params={
                full_name(place(wdir, file), key): value
                for file, values in self.params.items()
                for key, value in values.items()
            },
            deps={place(wdir, item.path): item.digest() for item in self.deps},
            outs={place(wdir, item.path): item.digest() for item in self.outs},
        )


class _File(BaseModel):
    stages: dict[str, _Locked] = {}


class _DvcFile(BaseModel):
    outs: Annotated[list[_Item], Field(min_length=1)]
