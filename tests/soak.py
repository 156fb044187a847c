"""A soak: many experiments on tiny data, while processes are killed and others read the results.

`python -m tests.soak [--minutes M] [--experiments N]`. Two workers run a sweep; every SECONDS a
process of it, drawn at random, is killed; beside it `sync`, `lineage` and a page of `mlflow ui` are
asked for again and again. When time is up, or all experiments are done, the kills end, the sweep
goes on to its end, and then it is checked that nothing is lost, doubled or left behind. The last
lines are the table of docs/faults.md; the exit status is 1 if a check fails.
"""

import argparse
import json
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path

import psutil

from studykit.warm import companions
from tests.processes import free_port, processes_of
from tests.tiny_study import TinyStudy

SECONDS = 20  # between two kills
FLAT = 1.25  # how much larger a process may be at its end than in the middle of its life
LONG = 120  # seconds after which a process's memory is judged
NEVER = ("mlflow", "gunicorn", "uvicorn")  # killed: the server of the pages


def main():
    parser = argparse.ArgumentParser("python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--experiments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of what is killed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(Path(folder), arguments)
        soak.run()
        sys.exit(soak.report())


class Soak:
    """A study, what runs on it, and what was seen."""

    def __init__(self, folder, arguments):
        self.study = TinyStudy(folder / "study")
        self.study.set_params(train_dense__epochs=1)
        self.study.commit("one epoch")
        self.arguments = arguments
        self.random = random.Random(arguments.seed)
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.memory: dict[tuple, list] = defaultdict(list)  # by process: (seconds, bytes)
        self.ended = threading.Event()
        self.sockets = set(_sockets())
        self.port = free_port()

    def run(self):
        """Run all of it, and wait for its end."""
        began = time.monotonic()
        self.study("dvc repro -q evaluate", timeout=900)
        self.study.commit("results")
        pages = self.study.start(f"exec mlflow ui --port {self.port} > /dev/null 2>&1")
        threads = [threading.Thread(target=each) for each in (self._kill, self._read, self._watch)]
        for thread in threads:
            thread.start()
        self.deadline = began + 60 * self.arguments.minutes
        self._sweep()
        self.ended.set()
        for thread in threads:
            thread.join()
        _end(pages)
        self.counts["minutes"] = round((time.monotonic() - began) / 60)

    def _sweep(self):
        """Begin the sweep again until all trials have run, as one does whose sweep was killed."""
        command = f"exec mnist-study sweep --seeds {self.arguments.experiments} -j 2 2>&1"
        for _ in range(100):
            sweep = self.study.start(command)
            left = max(1, self.deadline - time.monotonic())
            end = threading.Timer(left, self._stop, [sweep])
            end.start()
            said = sweep.stdout.read()  # to its end
            sweep.stdout.close()
            status = sweep.wait()
            end.cancel()
            self.counts["sweeps begun"] += 1
            self.counts["trials that failed, and were run again"] += said.count("failed: ")
            if "Traceback" in said:
                self.faults.append(f"the sweep: {said.strip().splitlines()[-1]}")
            if status == 0 or time.monotonic() >= self.deadline:
                return
        self.faults.append("the sweep did not end after 100 beginnings")

    def _stop(self, sweep):
        """End the kills and the sweep, as Ctrl-C does."""
        self.ended.set()
        sweep.send_signal(signal.SIGINT)

    def _kill(self):
        while not self.ended.wait(SECONDS):
            victims = [each for each in self._processes() if not self._is_spared(each)]
            if victims:
                victim = self.random.choice(victims)
                with suppress(psutil.Error):
                    kind = _kind(victim)
                    victim.kill()
                    self.counts[f"killed: {kind}"] += 1

    def _read(self):
        """Ask for what people ask for meanwhile."""
        while not self.ended.wait(5):
            for command in ("sync --all", "lineage", "lineage --json"):
                done = self.study(f"mnist-study {command}", check=False, timeout=600)
                self.counts[f"asked: {command.split()[0]}"] += 1
                if "Traceback" in done.stderr or done.returncode not in (0, -9, 137):
                    self.faults.append(f"{command}: {done.stderr.strip().splitlines()[-1:]}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=30) as page:
                    self.counts["asked: a page"] += page.status == 200
            except OSError as error:
                self.counts[f"a page did not come: {type(error).__name__}"] += 1

    def _watch(self):
        while not self.ended.wait(2):
            for process in self._processes():
                with suppress(psutil.Error):
                    key = (process.pid, process.create_time(), _kind(process))
                    self.memory[key].append((time.monotonic(), process.memory_info().rss))

    def _processes(self):
        return processes_of(str(self.study.root))

    def _is_spared(self, process):
        with suppress(psutil.Error):
            words = " ".join(process.cmdline())
            is_python = "python" in words
            return not is_python or any(word in words for word in NEVER)
        return True

    def report(self):
        """Check what is left; print the table; return the exit status."""
        self._check_processes()
        synced = self.study("mnist-study sync --all", check=False, timeout=900)
        if synced.returncode:
            self.faults.append(f"sync: {synced.stderr.strip()}")
        self._check_experiments()
        self._check_files()
        self._check_memory()
        rows = [*sorted(self.counts.items()), ("faults", len(self.faults))]
        print("| what | how many |\n| --- | ---: |")
        for name, number in rows:
            print(f"| {name} | {number:,} |")
        for fault in self.faults:
            print(f"fault: {fault}")
        return int(bool(self.faults))

    def _check_processes(self):
        deadline = time.monotonic() + 120
        while (left := self._processes()) and time.monotonic() < deadline:
            time.sleep(1)
        self.faults += [f"a process is left: {_kind(each)} {each.pid}" for each in left]
        for process in left:
            with suppress(psutil.Error):
                process.kill()

    def _check_experiments(self):
        """Each experiment's stages are in MLflow, each once, and no run claims to be running."""
        from mlflow import MlflowClient

        client = MlflowClient(f"sqlite:///{self.study.root}/mlflow.db")
        experiment = client.get_experiment_by_name("mnist-study").experiment_id
        runs, token = [], None
        while True:
            page = client.search_runs([experiment], page_token=token)
            runs += page
            if not (token := page.token):
                break
        keys = Counter(
            run.data.tags.get("dvc.key") for run in runs if run.info.status == "FINISHED"
        )
        self.restored = {r.info.run_id for r in runs if r.data.tags.get("restored") == "true"}
        for run in runs:
            self.counts[f"runs: {run.info.status}"] += 1
            if run.info.status in ("RUNNING", "SCHEDULED"):
                self.faults.append(f"a run is {run.info.status}: {run.info.run_name}")
        names = self.study("dvc exp list --name-only").stdout.split()
        self.counts["experiments"] = len(names)
        for name in names:
            for row in json.loads(self.study(f"mnist-study lineage '{name}' --json").stdout):
                # Several live runs are as many executions; beside one, none is restored.
                restored = sum(run in self.restored for run in row["runs"])
                if not row["runs"] or (restored and len(row["runs"]) > 1):
                    self.faults.append(f"{row['stage']} of {name}: {len(row['runs'])} runs")
        self.counts["stages' records that are in MLflow twice"] = sum(
            number > 1 for key, number in keys.items() if key
        )

    def _check_files(self):
        left = [path for path in self.study.root.rglob(".part-*") if ".git/" not in str(path)]
        left += self.study.root.glob("mlflow.db.new")
        left += (self.study.root / ".dvc/tmp/exps").glob("tmp*")
        left += [Path(each) for each in set(_sockets()) - self.sockets]
        self.faults += [f"a file is left: {path}" for path in left]
        if dirty := self.study("git status --porcelain").stdout:
            self.faults.append(f"the working tree changed: {dirty.split()}")

    def _check_memory(self):
        largest: Counter[str] = Counter()
        for (_, _, kind), samples in self.memory.items():
            largest[kind] = max([largest[kind], *(size for _, size in samples)])
            if samples[-1][0] - samples[0][0] < LONG:
                continue
            sizes = [size for _, size in samples]
            half = sizes[len(sizes) // 3 : len(sizes) // 2]
            if max(sizes[len(sizes) // 2 :]) > FLAT * max(half):
                grown = f"{max(half) >> 20} to {max(sizes) >> 20} MiB"
                self.faults.append(f"memory of {kind} grew from {grown}")
        for kind, size in largest.items():
            self.counts[f"peak memory of {kind}, MiB"] = size >> 20


def _kind(process):
    """What a process is, in a word or two."""
    with suppress(psutil.Error):
        words = " ".join(process.cmdline())
        for word in (
            "fork_server", "shared_tracker", "tracking.tracker", "studykit.start", "queue-worker",
            "exec", "exp run", "exp queue", "mnist-study sweep", "mnist-study sync",
            "mnist-study lineage", "mlflow", "celery", "git",
        ):  # fmt: skip
            if word in words:
                return word
        return process.name()
    return "gone"


def _sockets():
    """The sockets of companions to which nobody listens."""
    folder, dead = Path(companions.SOCKETS.format(user=os.getuid())), []
    for path in folder.iterdir() if folder.is_dir() else ():
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                dead.append(str(path))
            except OSError:  # gone meanwhile
                pass
    return dead


def _end(process):
    with suppress(psutil.NoSuchProcess):
        for each in [*psutil.Process(process.pid).children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                each.terminate()
    process.wait()
    process.stdout.close()


if __name__ == "__main__":
    main()
