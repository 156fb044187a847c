"""Run trials on a Ray cluster: each on some node, as a DVC experiment in a clone of its own.

The nodes get a bundle of Git and the raw data from Ray's object store, and hand back a bundle with
the experiment and what is new in DVC's cache. No file system is shared.
"""

import logging
import os
import socket
import subprocess
import tempfile
from pathlib import Path

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # the log of a node that has died

import ray
from dvc.repo import Repo

from studykit.errors import UserError
from studykit.records.revisions import WORKSPACE, Revision
from studykit.trials import ray_node
from studykit.trials.trials import Event, last_error

RETRIES = 5  # of a trial whose worker or node has died
INTERVAL = 1.0  # seconds between two looks


def run(trials, *, target, workers):
    """Run trials on the cluster that RAY_ADDRESS names.

    Args:
        trials: list of Trial, none of which has run.
        target: the stage to run, with those that it needs.
        workers: how many trials run at once, or None for as many as the cluster has cores.

    Yields:
        Event.

    Raises:
        UserError: the cluster cannot be reached.
    """
    address = os.environ["RAY_ADDRESS"]
    try:
        _knock(address)
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"RAY_ADDRESS: expected a cluster at {address}, received {reason}"
        ) from None
    try:
        yield from _run(list(trials), target, workers or len(trials))
    finally:
        ray.shutdown()


def _knock(address):
    """Fail at once where nothing listens: Ray would try again for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _run(waiting, target, workers):
    # By value: the nodes need not have this project installed, still less this version of it.
    ray.cloudpickle.register_pickle_by_value(ray_node)
    # Only what happens to a node is tried again; a trial that fails by itself is an Outcome.
    remote = ray.remote(num_cpus=1, max_retries=RETRIES)(ray_node.run_trial)
    cache = Path(Repo().cache.local_cache_dir)
    project = ray.put(_project(cache))
    running: dict[ray.ObjectRef, str] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                trial = waiting.pop(0)
                running[remote.remote(project, trial.name, trial.words, target)] = trial.name
            finished, _ = ray.wait(list(running), timeout=INTERVAL)
            cores = int(ray.cluster_resources().get("CPU", 0))
            for result in finished:
                name = running.pop(result)
                yield Event(min(len(running), cores), name, _collect(result, cache))
            yield Event(min(len(running), cores))
    finally:
        for result in running:
            ray.cancel(result)
        if running:  # until their processes are ended and their clones removed
            ray.wait(list(running), num_returns=len(running), timeout=30)


def _collect(result, cache):
    """Take in what a node has handed back; return why the trial failed, or None."""
    try:
        outcome = ray.get(result)
    except ray.exceptions.RayError as error:
        return " ".join(str(error).split())[:300]
    if outcome.bundle is None:
        return last_error(outcome.output)
    # The experiment last: where it is, all that it needs is.
    ray_node.write_cache(cache, outcome.objects)
    with tempfile.NamedTemporaryFile(suffix=".bundle") as bundle:
        bundle.write(outcome.bundle)
        bundle.flush()
        _git("fetch", "-q", bundle.name, "refs/exps/*:refs/exps/*")
    return None


def _project(cache):
    """Pack up what the nodes start from."""
    head = _git("rev-parse", "HEAD")
    # The working tree as a commit, as DVC's queue takes it along; nothing where that is HEAD's.
    workspace = _git("stash", "create") or head
    _git("update-ref", ray_node.WORKSPACE_REF, workspace)
    try:
        refs = ["HEAD", ray_node.WORKSPACE_REF]
        bundle = subprocess.check_output(["git", "bundle", "create", "-q", "-", *refs])
    finally:
        _git("update-ref", "-d", ray_node.WORKSPACE_REF)
    known = frozenset(
        path.relative_to(cache).as_posix()
        for path in (cache / "files").rglob("*")
        if path.is_file()
    )
    return ray_node.Project(bundle, head, _raw_data(cache), known, _variables())


def _raw_data(cache):
    """The cached outputs of the stages that read no other's."""
    lock = Revision(WORKSPACE, None).lock()
    made = {out["path"] for locked in lock.values() for out in locked.get("outs", ())}
    sources = (
        locked
        for locked in lock.values()
        if not made & {dep["path"] for dep in locked.get("deps", ())}
    )
    md5s = (out["md5"] for locked in sources for out in locked.get("outs", ()))
    paths = (f"files/md5/{md5[:2]}/{md5[2:]}" for md5 in md5s)
    return {path: (cache / path).read_bytes() for path in paths if (cache / path).is_file()}


def _variables():
    """What a trial is told: who commits, and of a tracking server if there is one.

    Without a server the nodes' runs go to a store that is deleted with the clone; the sweep writes
    them anew from the experiments.
    """
    name, _, rest = _git("var", "GIT_COMMITTER_IDENT").partition(" <")
    email = rest.partition(">")[0]
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    server = {key: value for key, value in os.environ.items() if key.startswith("MLFLOW_")}
    return {
        "DVC_NO_ANALYTICS": "1",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    } | (server if uri.startswith("http") else {})


def _git(*words):
    answer = subprocess.run(["git", *words], check=True, capture_output=True, text=True)
    return answer.stdout.strip()
