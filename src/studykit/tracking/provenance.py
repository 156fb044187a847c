"""Where a run comes from: pipeline execution, experiment, Git commit, host and versions."""

import getpass
import os
import platform
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

# What the pipeline itself changes in Git while it runs.
GENERATED = ("dvc.lock", "metrics", "plots")
LIBRARIES = ("tensorflow", "keras", "numpy", "dvc", "mlflow")


@dataclass(frozen=True)
class Provenance:
    """What varies from one execution to the next, and so never goes into a DVC output.

    Attributes:
        name: what a person calls the execution: the experiment's name, or branch and commit.
        execution: key of the pipeline's execution, the same for all its stages.
        tags: the rest, by name.
        time: when it began, in milliseconds since 1970, where that is not now.
    """

    name: str
    execution: str
    tags: dict[str, str]
    time: int | None = None


def here(execution):
    """Say where a running stage comes from.

    Args:
        execution: key of the pipeline's execution, see `this_execution`.
    """
    experiment = os.environ.get("DVC_EXP_NAME", "")
    commit = _git("rev-parse", "HEAD") or "no commit"
    branch = _git("symbolic-ref", "--short", "HEAD") or "detached"
    sources = [f":!{path}" for path in GENERATED]
    dirty = bool(_git("status", "--porcelain", "--untracked-files=no", "--", ".", *sources))
    return Provenance(
        name=experiment or f"{branch} {commit[:7]}{'+' if dirty else ''}",
        execution=execution,
        tags=_experiment_tags(experiment, os.environ.get("DVC_EXP_BASELINE_REV", ""))
        | {
            "git.commit": commit,
            "git.dirty": str(dirty).lower(),
            "host": socket.gethostname(),
            "mlflow.user": getpass.getuser(),
            "version.python": platform.python_version(),
        }
        | {f"version.{name}": version(name) for name in LIBRARIES},
    )


def this_execution():
    """The key of the execution that this process, a stage, is a part of."""
    return process_key(dvc_processes(os.getpid())[0])


def restored(name, *, commit, time=None, experiment="", baseline=""):
    """Say where a run comes from that is written from DVC's files, not by a running stage.

    Args:
        name: of the revision, as a person calls it.
        commit: its Git commit, or None for the workspace.
        time: of the commit, in milliseconds since 1970.
        experiment: its name, if the revision is one.
        baseline: the commit that the experiment started from.
    """
    return Provenance(
        name=name,
        execution=f"restored:{commit or 'workspace'}",
        tags=_experiment_tags(experiment, baseline)
        | {
            "restored": "true",
            "git.commit": commit or "not committed",
            "git.dirty": str(commit is None).lower(),
        },
        time=time,
    )


def process_key(process):
    """Name a process so that no later one is taken for it: host, process id, time of its start.

    The time is the one by which psutil itself tells processes apart. Its public create_time() moves
    whenever the system's clock is set, and would make a living process look like another one.
    """
    _, started = process._ident
    return f"{socket.gethostname()}:{process.pid}:{started:.2f}"


def is_gone(key):
    """Whether a process of this host, by its key, has ended. Of other hosts nothing is known."""
    host, pid, _ = key.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        # In a container, it may be that nothing ever buries what has ended.
        return process_key(process) != key or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


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


def _git(*words):
    """Git's answer, or an empty one where there is no repository or no commit yet."""
    result = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    return result.stdout.strip() if result.returncode == 0 else ""
