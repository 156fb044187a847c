"""Run trials on a Ray cluster: each on some node, as a DVC experiment in a clone of its own.

The nodes get a bundle of Git and the raw data from Ray's object store, and hand back a bundle with
the experiment and what is new in DVC's cache. No file system is shared.
"""

import logging
import os
import socket
import subprocess
import tempfile

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # the log of a node that has died

import ray

from studykit.errors import UserError
from studykit.records.cache import cache_folder, objects_of
from studykit.records.git import git
from studykit.records.lock import Lock, md5_in_dvc_file
from studykit.records.pipeline import Pipeline, makers
from studykit.records.trees import WorkingTree
from studykit.trials import ray_node
from studykit.trials.trials import Event, last_error

RETRIES = 5  # of a trial whose worker or node has died
INTERVAL = 1.0  # seconds between two looks


def run(trials, *, target, workers):
    """Run trials on the cluster that RAY_ADDRESS names.

    Args:
        trials: list of Trial, none of which has run.
        target: the stage to run, with those that it needs; None for all stages.
        workers: how many trials run at once, or None for as many as the cluster has cores.

    Yields:
        Event.

    Raises:
        UserError: the cluster cannot be reached.
    """
    address = os.environ["RAY_ADDRESS"]
    try:
        _check_reachable(address)
    except OSError as error:
        raise UserError(f"RAY_ADDRESS: expected a cluster at {address}, received {error}") from None
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"RAY_ADDRESS: expected a cluster at {address}, received {reason}; where it expects a "
            "token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH, as on its nodes"
        ) from None
    try:
        yield from _run(list(trials), target, workers or len(trials))
    finally:
        ray.shutdown()


def _check_reachable(address):
    """Fail at once where nothing listens: Ray would try again for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _run(waiting, target, workers):
    # By value: the nodes need not have this project installed, still less this version of it.
    ray.cloudpickle.register_pickle_by_value(ray_node)
    # Only what happens to a node is tried again; a trial that fails by itself is an Outcome.
    remote = ray.remote(num_cpus=1, max_retries=RETRIES)(ray_node.run_trial)
    cache = cache_folder()
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
        git("fetch", "-q", bundle.name, "refs/exps/*:refs/exps/*", check=True)
    return None


def _project(cache):
    """Pack up what the nodes start from."""
    head = git("rev-parse", "HEAD", check=True)
    # The working tree as a commit, as DVC's queue takes it along; nothing where that is HEAD's.
    workspace = git("stash", "create", check=True) or head
    git("update-ref", ray_node.WORKSPACE_REF, workspace, check=True)
    try:
        refs = ["HEAD", ray_node.WORKSPACE_REF]
        bundle = subprocess.check_output(["git", "bundle", "create", "-q", "-", *refs])
    finally:
        git("update-ref", "-d", ray_node.WORKSPACE_REF, check=True)
    known = frozenset(
        path.relative_to(cache).as_posix()
        for path in (cache / "files").rglob("*")
        if path.is_file()
    )
    return ray_node.Project(bundle, head, _raw_data(cache), known, _variables())


def _raw_data(cache):
    """What the cache holds of the data that the pipeline starts from, by path in the cache.

    That are the outputs of stages that read no other's, and what `.dvc` files track.
    """
    tree = WorkingTree()
    lock = Lock.of(tree, Pipeline.of(tree))
    md5s = [
        md5
        for stage in lock.stages.values()
        if not any(makers(lock.outs, path) for path in stage.deps)
        for md5 in stage.outs.values()
    ]
    listed = git("ls-files", "-z", "*.dvc", check=True).split("\0")
    md5s += [md5_in_dvc_file(tree, path) for path in filter(None, listed)]
    paths = {path for md5 in md5s for path in objects_of(md5)}
    return {path: (cache / path).read_bytes() for path in paths if (cache / path).is_file()}


def _variables():
    """What a trial is told: who commits, and of a tracking server if there is one.

    Without a server the nodes' runs go to a store that is deleted with the clone; the sweep writes
    them anew from the experiments.
    """
    name, _, rest = git("var", "GIT_COMMITTER_IDENT", check=True).partition(" <")
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
