"""What a node of a cluster does with one trial: run it in a clone of its own, and hand it back.

The module is sent to the nodes as it is, so it needs nothing of this project there. A node has
Python and the libraries of `requirements.lock`; it shares no file system with the others.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

CACHE = Path(".dvc/cache")
WORKSPACE_REF = "refs/sweep/workspace"
FOLDER = "studykit"  # a trial's folder begins with this word and the process id of its worker


@dataclass(frozen=True)
class Project:
    """What every trial starts from.

    Attributes:
        bundle: of Git, with the history of HEAD, and the working tree as a commit on top of it.
        head: the commit of HEAD, the experiments' baseline.
        objects: files of DVC's cache by their path in it: the raw data, if they are there.
        known: paths of all files in the cache, which need not be handed back.
        variables: of the environment.
    """

    bundle: bytes
    head: str
    objects: dict[str, bytes]
    known: frozenset[str]
    variables: dict[str, str]


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        output: what DVC and the stages printed.
        bundle: of Git, with the experiment's ref; None if the trial failed.
        objects: new files of DVC's cache by their path in it.
    """

    output: str
    bundle: bytes | None
    objects: dict[str, bytes]


def run_trial(project, name, words, target):
    """Run a trial and hand back all that its experiment needs.

    Args:
        project: Project.
        name: of the experiment.
        words: overrides as `dvc exp run -S` takes them.
        target: the stage to run, with those that it needs; None for all stages.

    Returns:
        Outcome.
    """
    _remove_abandoned()
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER}-{os.getpid()}-") as folder:
        clone = Path(folder) / "clone"
        environment = _environment(project, clone)
        _clone(project, clone, environment)
        sets = [word for each in words for word in ("-S", each)]
        command = [sys.executable, "-m", "dvc", "exp", "run", "--name", name, *sets]
        command += [target] if target else []
        code, output = _run(command, clone, environment)
        ref = f"refs/exps/{project.head[:2]}/{project.head[2:]}/{name}"
        if code:
            return Outcome(output, None, {})
        bundle = Path(folder) / "experiment.bundle"
        _git(clone, environment, "bundle", "create", "-q", bundle, ref, f"^{project.head}")
        return Outcome(output, bundle.read_bytes(), read_cache(clone / CACHE, project.known))


def read_cache(folder, known=frozenset()):
    """Read the files of a DVC cache that are not known, by their path in it."""
    paths = (path for kind in ("files", "runs") for path in (folder / kind).rglob("*"))
    files = {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name not in known}


def write_cache(folder, objects):
    """Add files to a DVC cache, each as a whole or not at all, and read-only, as DVC does."""
    for name, content in objects.items():
        path = folder / name
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as beside:
            beside.write(content)
        os.chmod(beside.name, 0o444 if name.startswith("files/") else 0o644)
        os.replace(beside.name, path)


def _environment(project, clone):
    """The node's environment, with the project's variables, and the clone's own library first."""
    programs = Path(sys.executable).parent
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DVC_", "GIT_", "MLFLOW_"))
    }
    return (
        inherited
        | project.variables
        | {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(clone / "src"),
        }
    )


def _clone(project, clone, environment):
    """Make a repository with the driver's HEAD and working tree, and the raw data in its cache."""
    clone.mkdir()
    bundle = clone.with_suffix(".bundle")
    bundle.write_bytes(project.bundle)
    _git(clone, environment, "init", "-q")
    _git(clone, environment, "fetch", "-q", bundle, f"{WORKSPACE_REF}:{WORKSPACE_REF}")
    _git(clone, environment, "checkout", "-q", "--detach", project.head)
    _git(clone, environment, "read-tree", "-u", "--reset", WORKSPACE_REF)
    write_cache(clone / CACHE, project.objects)


def _run(command, folder, environment):
    """Run a command; return its exit status and output.

    It writes to a pipe of this process: if a node's worker dies, so does what it runs, at its next
    line, and not only when the training is over.
    """
    process = subprocess.Popen(
        command, cwd=folder, env=environment, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        while True:  # by the second, as Ray's word that the sweep is stopped interrupts no waiting
            with suppress(subprocess.TimeoutExpired):
                output, _ = process.communicate(timeout=1)
                return process.returncode, output
    finally:
        if process.poll() is None:
            for each in (*psutil.Process(process.pid).children(recursive=True), process):
                each.kill()
            process.wait()


def _git(folder, environment, *words):
    subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True)


def _remove_abandoned():
    """Remove the clones of this node's workers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}-*-*"):
        if not psutil.pid_exists(int(folder.name.split("-")[1])):
            subprocess.run(["rm", "-rf", folder], check=False)
