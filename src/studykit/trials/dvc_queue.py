"""Run trials on this machine, by DVC's own queue of experiments.

DVC has one queue, and its workers take whatever is in it. So nothing is begun while it holds
experiments that are not of the sweep; what somebody queues while a sweep runs is run with it.
"""

import os
import shutil
import time
from contextlib import suppress
from multiprocessing.util import register_after_fork
from pathlib import Path
from typing import Any

import psutil
from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.repo.experiments.queue.remove import remove_tasks
from funcy import retry

from studykit.errors import UserError, uninterrupted
from studykit.processes import granted_cores
from studykit.trials import working_tree
from studykit.trials.trials import Event, done, last_error

INTERVAL = 2  # seconds between two looks at the queue, each of which takes 0.05 s of a core
PATIENCE = 15  # seconds for a worker to show up
SETTLED = 10  # seconds after which a copy that nobody runs in was left by a killed trial


def run(trials, *, target, workers):
    """Queue trials, start workers, and watch until all have finished.

    What an interrupted sweep left in the queue is gone on with. If this one is interrupted, its
    trials are taken off the queue and those that run are stopped.

    Args:
        trials: list of Trial, none of which has run.
        target: the stage to run, with those that it needs; None for all stages.
        workers: how many trials run at once, or None for as many as there are cores.

    Yields:
        Event.

    Raises:
        UserError: others are in the queue, or DVC cannot queue.
    """
    try:
        queue = Repo().experiments.celery_queue
        names = {trial.name for trial in trials}
        if others := [entry.name for entry in queue.iter_queued() if entry.name not in names]:
            raise UserError(
                f"DVC's queue: expected no experiments but the sweep's, found {len(others)} others "
                f"({', '.join(sorted(others)[:3])}), which would be run too; "
                "run them first, `dvc queue start`, or remove them, `dvc queue remove --queued`"
            )
        _fail_orphans(queue, names)
        _forget_finished(queue, names)
        yield from _run(queue, trials, target, _share_cores(workers, len(trials)))
    except DvcException as error:
        raise UserError(f"DVC: {' '.join(str(error).split())}") from None


def _share_cores(workers, count):
    """How many workers there are to be for a number of trials; each gets its share of the cores."""
    cores = granted_cores()
    workers = min(workers or cores, count)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // workers)))
    return workers


def _run(queue, trials, target, workers):
    pending = {trial.name: trial for trial in trials}
    try:
        _put(queue, trials, target)
        _start(queue, workers)
        yield from _watch(queue, pending, workers)
    finally:
        if pending:
            _stop(queue, set(pending))
        _end_workers(queue)


def _put(queue, trials, target):
    """Queue the trials that are not in the queue.

    DVC does so by changing the workspace and back: Ctrl-C waits until it is back.
    """
    present = {entry.name for entry in (*queue.iter_queued(), *queue.iter_active())}
    # A worker of an interrupted sweep may hold DVC's lock for a moment.
    put = retry(60, errors=LockError, timeout=1)(queue.repo.experiments.run)
    targets = [target] if target else None
    with working_tree.noted():
        for trial in trials:
            if trial.name not in present:
                with uninterrupted():
                    put(targets=targets, params=trial.words, queue=True, name=trial.name)


def _start(queue, workers):
    """Start workers, without this process's standard streams: they live on after it.

    Whoever reads the sweep's output through a pipe would wait for them.
    """
    starting: set[None] = set()  # with it goes what is registered
    register_after_fork(starting, _silence)
    queue.start_workers(workers)


def _silence(_):
    with open(os.devnull, "w") as null:
        for stream in (1, 2):
            os.dup2(null.fileno(), stream)


def _watch(queue, pending, workers):
    """Yield Events until no trial is pending; remove each from `pending` as it finishes."""
    entries: dict[str, Any] = {}
    seen = time.monotonic()
    while pending:
        # In this order: a trial that moves on meanwhile is seen twice, not missed.
        queued = {entry.name: entry for entry in queue.iter_queued()}
        active = {entry.name: entry for entry in queue.iter_active()}
        commits = done(pending.values())
        entries |= queued | active
        running = len(active.keys() & pending.keys())
        for name in pending.keys() - queued.keys() - active.keys():
            del pending[name]
            error = None if name in commits else _error(queue, entries.get(name))
            yield Event(running, name, error)
        yield Event(running)
        if _has_worker(queue):
            seen = time.monotonic()
        elif time.monotonic() - seen > PATIENCE:
            _fail_orphans(queue, pending)
            _start(queue, workers)
            seen = time.monotonic()
        time.sleep(INTERVAL)


def _stop(queue, names):
    """Take trials off the queue, and interrupt those that run; return when they have ended."""
    remove_tasks(queue, [entry for entry in queue.iter_queued() if entry.name in names])
    stopped: set[str] = set()
    while running := {entry.name for entry in queue.iter_active()} & names:
        for name in running - stopped:
            with suppress(DvcException):  # it has not quite begun, or has just ended
                queue.kill([name])
                stopped.add(name)
        _fail_orphans(queue, names)
        time.sleep(INTERVAL)
    _forget_finished(queue, names)


def _fail_orphans(queue, names):
    """Count as failed the trials whose worker has died: DVC would wait for them for ever."""
    while not _has_worker(queue):
        lost = [entry.name for entry in queue.iter_active() if entry.name in names]
        if not lost:
            return
        queue.kill(lost, force=True)
        time.sleep(INTERVAL)


def _forget_finished(queue, names):
    """Remove failed trials from DVC's list, so that they can be queued again."""
    active = {entry.stash_rev for entry in queue.iter_active()}
    processed = [entry for _, entry in queue._iter_processed()]
    remove_tasks(queue, [e for e in processed if e.name in names and e.stash_rev not in active])


def _has_worker(queue):
    """Whether a worker of the queue is alive."""
    return bool(_workers(queue))


def _workers(queue):
    """The workers that are alive, as processes. To ask them would take seconds."""
    found = []
    for file in Path(queue.wdir).glob("dvc-exp-worker-*.pid"):
        with suppress(psutil.Error, OSError, ValueError):
            process = psutil.Process(int(file.read_text()))
            if "queue-worker" in process.cmdline():
                found.append(process)
    return found


def _end_workers(queue):
    """End the workers if nothing is left for them: a next sweep could not rely on them.

    By themselves they end seconds later, even with what they have just taken in; or never, where
    DVC tells one to while its last trial runs, and it does not hear that.
    """
    if not any(queue.iter_active()) and not any(queue.iter_queued()):
        workers = _workers(queue)
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.terminate()
        psutil.wait_procs(workers, timeout=PATIENCE)
        _remove_abandoned(Path(queue.wdir).parent)


def _remove_abandoned(folder):
    """Remove the copies of the repository in which killed trials ran, one of its size each.

    A copy that a process runs in stays. So do all, while a DVC that runs experiments is at work
    here: it may prepare one.

    Args:
        folder: Path, where DVC makes them; its process's folder is the repository, or in it.
    """
    root = folder.resolve().parents[2]
    used = set()
    for process in psutil.process_iter(["cwd", "cmdline"]):
        where, words = Path(process.info["cwd"] or "/"), process.info["cmdline"] or []
        used.add(where)
        if where.is_relative_to(root) and {"exp", "queue"}.intersection(words):
            return
    for copy in folder.glob("tmp*"):
        with suppress(OSError):
            found = copy.stat()
            is_new = time.time() - found.st_mtime < SETTLED
            is_ours = found.st_uid == os.getuid()  # where others' processes run is not told
            is_used = any(each.is_relative_to(copy.resolve()) for each in used)
            if is_ours and not is_new and not is_used:
                shutil.rmtree(copy, ignore_errors=True)


def _error(queue, entry):
    """Why a trial failed, in a line."""
    log = queue.proc.get(entry.stash_rev) if entry else None
    if log is None:
        return f"it did not begin, see {queue.wdir}"
    return last_error(Path(log.stdout).read_text(encoding="utf-8", errors="replace"))
