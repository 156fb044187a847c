"""A soak: many experiments on tiny data, while processes are killed and others read the results.

`python -m tests.soak [--minutes M] [--experiments N]`. Two workers run sweeps of BATCH experiments;
every KILL seconds a process of theirs, drawn at random, is killed; beside them `sync`, `lineage`,
`runs`, `prune` and a page of `mlflow ui` are asked for again and again. After each sweep, some of
its experiments are pruned. When time is up, or all experiments are done, the kills end, one more
sweep runs, and then it is checked that nothing is lost, doubled or left behind. The last lines are
the tables of docs/faults.md; the exit status is 1 if a check fails. `--inject` shows that it can.
"""

import argparse
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from contextlib import chdir, suppress
from fnmatch import fnmatchcase
from itertools import cycle
from pathlib import Path

import psutil

from tests.processes import answers, free_port, processes_of, wait_until
from tests.tiny_study import TinyStudy

BATCH = 10  # experiments of a sweep
TARGETS = ("evaluate", "train_dense")  # of the sweeps, in turn
KEPT = 7  # of them, after those that are not the best are pruned
KILL = 20  # seconds between two kills
ASK = 8  # seconds between two commands that read
FLAT = 1.25  # how much larger a process may be at its end than after two thirds of its life
LONG = 120  # seconds after which a process's memory is judged
PATIENCE = 60  # seconds for processes to end by themselves
NINES = "*seed=*9-*"  # what is pruned beside the sweeps, too, whenever that is not refused
COMMANDS = (
    "sync --all", "lineage", "runs --json", "lineage --json",
    "prune '*' --all-but-best 3 --dry-run", f"prune '{NINES}' --yes",
)  # fmt: skip
PAGES = ("/", "/api/2.0/mlflow/experiments/search?max_results=9")  # the latter is of the store
AT_WORK = "at work"  # why `prune` refuses beside a sweep
INJECTED = ("run", "process", "file", "experiment")


def main():
    parser = argparse.ArgumentParser("python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--experiments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of what is killed")
    parser.add_argument("--inject", choices=INJECTED, help="a fault, which the checks have to find")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(Path(folder), arguments)
        soak.run()
        sys.exit(soak.report())


class Soak:
    """A study, what runs on it, and what was seen."""

    def __init__(self, folder, arguments):
        self.folder, self.study = folder, TinyStudy(folder / "study")
        self.study.set_params(train_dense__epochs=1)
        companions = "src/studykit/warm/companions.py"
        self.sockets, common = folder / "s", "/tmp/studykit-{user}"
        self.study.write(companions, self.study.read(companions).replace(common, str(self.sockets)))
        self.study.commit("one epoch; a folder of sockets of its own")
        (folder / "tmp").mkdir()
        self.arguments = arguments
        self.random = random.Random(arguments.seed)
        self.counts: Counter[str] = Counter()
        self.faults: list[str] = []
        self.memory: dict[tuple, list] = defaultdict(list)  # by process: (seconds, bytes)
        self.expected: set[str] = set()  # names of experiments
        self.seen: set[str] = set()
        self.ended = threading.Event()
        self.port = free_port()

    def run(self):
        """Run all of it, and wait for its end."""
        began = time.monotonic()
        self._run("dvc repro -q evaluate", check=True)
        self.study.commit("results")
        self.pages = self._start(f"exec mlflow ui --port {self.port} > /dev/null 2>&1")
        wait_until(lambda: answers(self.port), seconds=300)
        threads = [threading.Thread(target=each) for each in (self._kill, self._read, self._watch)]
        for thread in threads:
            thread.start()
        left = began + 60 * self.arguments.minutes - time.monotonic()
        end = threading.Timer(left, self.ended.set)
        end.start()
        try:
            for first in range(0, self.arguments.experiments, BATCH):
                seeds = range(first, min(first + BATCH, self.arguments.experiments))
                self._sweep(seeds)
                self._prune(seeds)
                if self.ended.is_set():
                    break
            self.ended.set()
            self._finish(seeds)
        finally:
            end.cancel()
            self.ended.set()
            for thread in threads:
                thread.join()
            _end(self.pages)
        self.counts["minutes"] = round((time.monotonic() - began) / 60)

    def _sweep(self, seeds):
        """Begin a sweep again until all of its trials have run, as one does whose sweep was killed.

        When time is up, it is interrupted as by Ctrl-C.
        """
        for _ in range(30):
            sweep = self._start(f"exec {_words_of_sweep(seeds)} 2>&1")
            watch = threading.Thread(target=self._interrupt, args=[sweep])
            watch.start()
            said = sweep.stdout.read()  # to its end
            sweep.stdout.close()
            status = sweep.wait()
            watch.join()
            self.counts["sweeps begun"] += 1
            self.counts["trials that failed, and were run again"] += said.count("failed: ")
            if "Traceback" in said:
                self.faults.append(f"the sweep: {said.strip().splitlines()[-1]}")
            if self.ended.is_set():
                return
            if status == 0:
                if len(self._of(seeds)) < len(_without_nines(seeds)):
                    self.faults.append(f"a sweep ended well without some of {seeds}")
                return
        self.faults.append(f"the sweep of {seeds} did not end after 30 beginnings")

    def _finish(self, seeds):
        """Go on with the last sweep, and one experiment more, as one does the next day."""
        done = self._run(_words_of_sweep(range(seeds.start, seeds.stop + 1)))
        if done.returncode:
            self.faults.append(f"the last sweep: {done.stdout[-300:]} {done.stderr[-300:]}")

    def _interrupt(self, sweep):
        while sweep.poll() is None and not self.ended.wait(1):
            pass
        if sweep.poll() is None:
            sweep.send_signal(signal.SIGINT)

    def _prune(self, seeds):
        """Remove some experiments of a sweep: three by name, or all but the best; no others."""
        before, batch = self._lasting(), self._of(seeds)
        self.seen |= self._experiments()
        if lost := self.expected - before:
            self.faults.append(f"experiments were lost: {sorted(lost)}")
        is_by_name = seeds.start // BATCH % 2 == 0
        chosen = seeds[1:8:3] if is_by_name else _without_nines(seeds)
        names = [f"'*seed={seed}-*'" for seed in chosen]
        best = "" if is_by_name else f"--all-but-best {KEPT}"
        for _ in range(30 if names else 0):
            done = self._ask(f"prune {' '.join(names)} {best} --yes")
            if done.returncode == 0:
                break
            time.sleep(2)
        if names and done.returncode:
            self.faults.append(f"30 times, `prune` was killed or refused: {done.stderr.strip()}")
        self.expected = self._lasting()
        gone = before - self.expected
        if not gone <= batch or len(gone) > (3 if is_by_name else max(0, len(batch) - KEPT)):
            self.faults.append(f"`prune` removed others, too: {sorted(gone)}")

    def _experiments(self):
        """Names of all experiments that DVC has."""
        refs = self._run(
            "git for-each-ref --format='%(refname)' 'refs/exps/??/*/*'", check=True
        ).stdout
        return {ref.split("/", 4)[4] for ref in refs.split()}

    def _lasting(self):
        """Names of those that are pruned between sweeps only."""
        return {name for name in self._experiments() if not fnmatchcase(name, NINES)}

    def _of(self, seeds):
        """Names of those of them with some seeds."""
        numbers = {name: name.partition("seed=")[2].partition("-")[0] for name in self._lasting()}
        return {name for name, number in numbers.items() if int(number) in seeds}

    def _kill(self):
        while not self.ended.wait(KILL):
            victims = [each for each in self._processes() if not self._is_spared(each)]
            if victims:
                victim = self.random.choice(victims)
                with suppress(psutil.Error):
                    kind = _kind(victim)
                    victim.kill()
                    self.counts[f"killed: {kind}"] += 1

    def _read(self):
        """Ask for what people ask for meanwhile."""
        for command in cycle(COMMANDS):
            if self.ended.wait(ASK):
                return
            self._ask(command)
            for path in PAGES:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60):
                        self.counts["asked: a page"] += 1
                except OSError as error:
                    self.faults.append(f"mlflow ui: {path} did not come: {error}")

    def _ask(self, command):
        """Run a command; it ends well, is killed, or refuses in a line for a reason."""
        done = self._run(f"exec mnist-study {command}")
        word = command.split()[0]
        refused = word == "prune" and done.returncode == 1 and AT_WORK in done.stderr
        killed = done.returncode in (-9, 137)
        self.counts[f"asked: {word}"] += 1
        self.counts[f"{word} was killed"] += killed
        self.counts["prune refused beside a sweep"] += refused
        lines = done.stderr.strip().splitlines()
        if "Traceback" in done.stderr or not (done.returncode == 0 or refused or killed):
            self.faults.append(f"{command}: {done.returncode}: {lines[-1:]}")
        return done

    def _run(self, command, *, check=False):
        return self.study(command, check=check, timeout=900, TMPDIR=str(self.folder / "tmp"))

    def _start(self, command):
        return self.study.start(command, TMPDIR=str(self.folder / "tmp"))

    def _watch(self):
        while not self.ended.wait(2):
            for process in self._processes():
                with suppress(psutil.Error):
                    key = (process.pid, process.create_time(), _kind(process))
                    self.memory[key].append((time.monotonic(), process.memory_info().rss))

    def _processes(self):
        return processes_of(str(self.study.root))

    def _is_spared(self, process):
        """Whether a process is of another language, or of the server of the pages."""
        with suppress(psutil.Error):
            family = {process.pid, *(each.pid for each in process.parents())}
            return "python" not in " ".join(process.cmdline()) or self.pages.pid in family
        return True

    def report(self):
        """Check what is left; print the tables; return the exit status."""
        self._inject()
        self._check_processes()
        self._ask("sync --all")
        self._check_experiments()
        self._check_files()
        memory = self._check_memory()
        rows = [
            *sorted(each for each in self.counts.items() if each[1]),
            ("faults", len(self.faults)),
        ]
        print("| what | how many |\n| --- | ---: |")
        for name, number in rows:
            print(f"| {name} | {number:,} |")
        print("\n| process | lived longest, s | MiB after two thirds | MiB at its end |")
        print("| --- | ---: | ---: | ---: |\n" + "\n".join(memory))
        for fault in self.faults:
            print(f"fault: {fault}")
        return int(bool(self.faults))

    def _inject(self):
        """Do what must never be found."""
        match self.arguments.inject:
            case "process":
                subprocess.Popen(["sleep", "600"], cwd=self.study.root)
            case "file":
                (self.study.root / "metrics/.part-1-a").mkdir()
            case "experiment":
                self._run(f"dvc exp remove {shlex.quote(min(self.expected))}", check=True)
            case "run":
                client, experiment = self._store()
                client.create_run(experiment, tags={"kind": "stage"}, run_name="left behind")

    def _check_processes(self):
        deadline = time.monotonic() + PATIENCE
        while (left := self._processes()) and time.monotonic() < deadline:
            time.sleep(1)
        self.faults += [f"a process is left: {_kind(each)} {each.pid}" for each in left]
        for process in left:
            with suppress(psutil.Error):
                process.kill()

    def _store(self):
        from mlflow import MlflowClient

        client = MlflowClient(f"sqlite:///{self.study.root}/mlflow.db")
        return client, client.get_experiment_by_name("mnist-study").experiment_id

    def _check_experiments(self):
        """Each experiment's stages are in MLflow, each once, and nothing else claims to run."""
        client, experiment = self._store()
        runs, token = [], None
        while True:
            page = client.search_runs([experiment], page_token=token)
            runs += page
            if not (token := page.token):
                break
        tags = {run.info.run_id: run.data.tags for run in runs}
        for run in runs:
            self.counts[f"runs: {run.info.status}"] += 1
            if run.info.status in ("RUNNING", "SCHEDULED"):
                self.faults.append(f"a run is {run.info.status}: {run.info.run_name}")
        names = self._experiments()
        self.counts["experiments pruned"] = len(self.seen - names)
        self.counts["experiments left"] = len(names)
        if lost := self.expected - names:  # others may have come: of a sweep that time ended
            self.faults.append(f"experiments were lost: {sorted(lost)}")
        keys = set()
        for name, stage, key, found in self._lineages(["main", *sorted(names)]):
            keys.add(key)
            # Several live runs are as many executions; beside one, none is restored.
            restored = sum(tags[run].get("restored") == "true" for run in found)
            if not found or (restored and len(found) > 1):
                self.faults.append(f"{stage} of {name}: {len(found)} runs, {restored} restored")
        for each in tags.values():
            is_stage, is_needed = each.get("kind") == "stage", each.get("dvc.key") in keys
            if each.get("dvc.experiment") in self.seen - names and is_stage and not is_needed:
                self.faults.append(f"a run of {each['dvc.experiment']} is left, which was pruned")

    def _lineages(self, names):
        """Of each stage of each revision: both names, its key, and the ids of its finished runs."""
        from studykit.records.revisions import resolve
        from studykit.records.stages import records
        from studykit.tracking.store import Store

        with chdir(self.study.root):
            store = Store.connect(read_only=True)
            for name in names:
                for record in records(resolve(name), self.folder / "tmp"):
                    yield name, record.stage, record.key, store.find(record.key)

    def _check_files(self):
        left = [path for path in self.study.root.rglob(".part-*") if ".git/" not in str(path)]
        left += self.study.root.glob("mlflow.db.new")
        left += (self.study.root / ".dvc/tmp/exps").glob("tmp*")
        left += _dead_sockets(self.sockets)
        self.counts["temporary folders that killed processes left"] = len(
            list((self.folder / "tmp").iterdir())
        )
        self.faults += [f"a file is left: {path}" for path in left]
        if dirty := self.study("git status --porcelain").stdout:
            self.faults.append(f"the working tree changed: {dirty.split()}")

    def _check_memory(self):
        """Rows of a table: of each kind, the process that lived longest."""
        longest: dict[str, tuple] = {}
        for (_, _, kind), samples in self.memory.items():
            if not samples or (lived := samples[-1][0] - samples[0][0]) < LONG:
                continue
            sizes = [size >> 20 for _, size in samples]
            middle = max(sizes[len(sizes) // 2 : len(sizes) * 2 // 3 + 1])
            end = max(sizes[-len(sizes) // 8 :])
            if end > FLAT * middle:
                self.faults.append(
                    f"memory of {kind} grew from {middle} to {end} MiB in {lived:.0f} s"
                )
            longest[kind] = max(longest.get(kind, (0, 0, 0)), (lived, middle, end))
        return [
            f"| {kind} | {lived:,.0f} | {middle:,} | {end:,} |"
            for kind, (lived, middle, end) in sorted(longest.items())
        ]


def _kind(process):
    """What a process is, in a word or two."""
    with suppress(psutil.Error):
        words = " ".join(process.cmdline())
        for word in (
            "fork_server", "shared_tracker", "tracking.tracker", "studykit.start", "queue-worker",
            "exec-run", "exp run", "exp queue", "mnist-study sweep", "mnist-study sync",
            "mnist-study lineage", "mnist-study runs", "mnist-study prune", "mlflow", "celery",
            "multiprocessing", "git",
        ):  # fmt: skip
            if word in words:
                return word
        return process.name()
    return "gone"


def _words_of_sweep(seeds):
    target = TARGETS[seeds.start // BATCH % len(TARGETS)]
    values = f"compute.seed=range({seeds.start},{seeds.stop})"
    return f"mnist-study sweep '{values}' --target {target} -j 2"


def _without_nines(seeds):
    return [seed for seed in seeds if seed % 10 != 9]


def _dead_sockets(folder):
    """The sockets of companions to which nobody listens."""
    for path in folder.iterdir() if folder.is_dir() else ():
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                yield path
            except OSError:  # gone meanwhile
                pass


def _end(process):
    with suppress(psutil.NoSuchProcess):
        for each in [*psutil.Process(process.pid).children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                each.terminate()
    process.wait()
    process.stdout.close()


if __name__ == "__main__":
    main()
