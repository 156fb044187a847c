"""Where a run comes from: pipeline execution, experiment, Git commit, host and versions."""

import getpass
import hashlib
import os
import platform
import socket
from dataclasses import dataclass, field
from typing import Any

from studykit.errors import UserError
from studykit.records.git import git
from studykit.records.pipeline import Pipeline
from studykit.records.trees import WorkingTree
from studykit.tracking import changes
from studykit.versions import version_of

TOOLS = ("dvc", "mlflow")


@dataclass(frozen=True)
class Provenance:
    """What varies from one execution to the next, and so never goes into a DVC output.

    Attributes:
        name: what a person calls the execution: what it changes; the experiment's name, or branch
            and commit.
        execution: key of the pipeline's execution, the same for all its stages.
        tags: the rest, by name.
        time: when it began, in milliseconds since 1970, where that is not now.
        params: value of every parameter that the pipeline declares, by full name.
        stages: of a revision, the keys of its StageRecords.
    """

    name: str
    execution: str
    tags: dict[str, str]
    time: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    stages: frozenset[str] = frozenset()


def here(execution, libraries=()):
    """Say where a running stage comes from.

    Args:
        execution: key of the pipeline's execution, see `processes.this_execution`.
        libraries: packages whose versions are noted, beside DVC's and MLflow's.
    """
    experiment = os.environ.get("DVC_EXP_NAME", "")
    commit = head() or "no commit"
    branch = _git("symbolic-ref", "--short", "HEAD") or "detached"
    sources = [f":!{path}" for path in _generated()]
    dirty = bool(_git("status", "--porcelain", "--untracked-files=no", "--", ".", *sources))
    baseline = os.environ.get("DVC_EXP_BASELINE_REV", "") if experiment else head()
    tree = WorkingTree()
    params = changes.parameters(tree)
    changed = changes.changes(params, tree, baseline)
    return Provenance(
        name=changes.name(experiment or f"{branch} {commit[:7]}{'+' if dirty else ''}", changed),
        execution=execution,
        params=params,
        tags=_experiment_tags(experiment, baseline)
        | _changed_tag(changed)
        | {
            "git.commit": commit,
            "git.dirty": str(dirty).lower(),
            "host": socket.gethostname(),
            "mlflow.user": getpass.getuser(),
            "versions": ", ".join(
                [f"python {platform.python_version()}"]
                + [f"{name} {version_of(name)}" for name in (*libraries, *TOOLS)]
            ),
        },
    )


def refusal():
    """Why Git tells nothing of a repository that is there, in its own words; None where it does."""
    try:
        git("rev-parse", "HEAD")
    except UserError as error:
        return str(error) if str(error).startswith("git ") else None
    return None


def head():
    """The commit that is checked out; empty where there is none."""
    return _git("rev-parse", "HEAD")


def restored(
    name, *, commit, time=None, experiment="", baseline="", params=None, changed=None, stages=()
):
    """Say where a run comes from that is written from DVC's files, not by a running stage.

    Args:
        name: of the revision, as a person calls it.
        commit: its Git commit, or None for the workspace.
        time: of the commit, in milliseconds since 1970.
        experiment: its name, if the revision is one.
        baseline: the commit that the experiment started from.
        params: value of every parameter that the pipeline declares, by full name.
        changed: those of them that the baseline does not have.
        stages: the keys of the revision's StageRecords.
    """
    tags = {"restored": "true", "git.dirty": str(commit is None).lower()}
    if commit is None:  # on a server, one workspace of many
        user, host, folder = getpass.getuser(), socket.gethostname(), os.getcwd()
        name = f"{name} of {user}@{host}:{folder}"
        tags |= {"mlflow.user": user, "host": host, "folder": folder}
    # A workspace with other results is another execution of the pipeline.
    state = "\n".join([name, *sorted(stages)])
    return Provenance(
        name=changes.name(name, changed or {}),
        execution=f"restored:{commit or hashlib.md5(state.encode()).hexdigest()}",
        tags=_experiment_tags(experiment, baseline)
        | _changed_tag(changed or {})
        | {"git.commit": commit or "not committed"}
        | tags,
        time=time,
        params=params or {},
        stages=frozenset(stages),
    )


def _experiment_tags(experiment, baseline):
    return {"dvc.experiment": experiment, "dvc.baseline": baseline} if experiment else {}


def _changed_tag(changed):
    return {"changed": ", ".join(changes.spell(changed))} if changed else {}


def _generated():
    """What the pipeline itself changes in Git while it runs."""
    return "dvc.lock", *Pipeline.of(WorkingTree()).outs


def _git(*words):
    """Git's answer, or an empty one where there is no repository or no commit yet."""
    try:
        return git(*words) or ""
    except UserError:
        return ""
