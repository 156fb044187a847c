"""Where a run comes from: pipeline execution, experiment, Git commit, host and versions."""

import getpass
import hashlib
import os
import platform
import re
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from studykit.errors import UserError
from studykit.records.git import git
from studykit.records.pipeline import Pipeline
from studykit.records.trees import WorkingTree
from studykit.tracking import changes
from studykit.versions import version_of

TOOLS = ("dvc", "mlflow")
INITIAL_NAMESPACE = "4026531836"  # of Linux, outside all containers


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
        execution: key of the pipeline's execution, see `this_execution`.
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


def this_execution():
    """The key of the execution that this process, a stage, is a part of."""
    return process_key(dvc_processes(os.getpid())[0])


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


def process_key(process):
    """Name a process so that no other one is taken for it, on this machine or another.

    Its parts, each without a colon: machine, boot of the machine, PID namespace, process id, and
    time of its start. The time is the one by which psutil itself tells processes apart. Its public
    create_time() moves whenever the system's clock is set, and would make a living process look
    like another one.
    """
    _, started = process._ident
    return ":".join((*_place(), str(process.pid), f"{started:.2f}"))


def is_gone(key):
    """Whether a process of this machine, by its key, has ended.

    Nothing is known of other machines, nor of containers with process ids of their own: theirs
    count as alive.
    """
    parts = key.split(":")
    if len(parts) != 5:
        return False
    *place, pid, _ = parts
    if tuple(place) != _place():
        return _was_of_an_earlier_boot(*place)
    try:
        process = psutil.Process(int(pid))
        # In a container, it may be that nothing ever buries what has ended.
        return process_key(process) != key or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@cache
def _place():
    """Machine, boot and PID namespace of this process; where they are not told, what comes close.

    The hostname, which may change at any time, is the last resort.
    """
    machine = _read("/etc/machine-id")
    boot = _read("/proc/sys/kernel/random/boot_id") or _boot_of_macos() or socket.gethostname()
    try:
        namespace = re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))
    except OSError:
        namespace = ""
    return machine, boot, namespace


def _was_of_an_earlier_boot(machine, boot, namespace):
    """Whether a process ran outside all containers on this machine, before it was started anew.

    Containers are not looked at: those of one image may hold the same name of a machine.
    """
    here, now, outside = _place()
    is_outside = namespace == outside == INITIAL_NAMESPACE
    return is_outside and bool(machine) and machine == here and boot != now


def _boot_of_macos():
    with suppress(OSError):  # there is no such program
        command = ["sysctl", "-n", "kern.bootsessionuuid"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return ""


def _read(path):
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def dvc_processes(stage):
    """The DVC processes that a stage runs below, from the one that runs it outwards.

    In a queued experiment, that one runs below a worker, which runs other experiments after it.

    Args:
        stage: its process id.

    Returns:
        list of psutil.Process: only the stage itself where it is run by hand.
    """
    process = psutil.Process(stage)
    found = []
    for ancestor in process.parents():
        with suppress(psutil.Error):  # gone, or not ours to read
            if any(Path(word).name == "dvc" for word in ancestor.cmdline()[:4]):
                found.append(ancestor)
    return found or [process]


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
