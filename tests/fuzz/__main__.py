"""Fuzz targets: `python -m tests.fuzz [--runs N] [--minutes M] [--jobs J] [TARGET …]`.

Coverage guides it where atheris is installed, on Linux with x86-64; elsewhere, Hypothesis changes
right inputs at random. An input that is a fault is kept in `tests/fuzz/cases/TARGET/`, which the
tests run ever after. An input is a fault, too, if it takes longer than SECONDS, or more memory than
MEMORY.
"""

import argparse
import hashlib
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from tests.fuzz.targets import all_targets, documented

CASES = Path(__file__).with_name("cases")
SHORT = 60  # inputs of each target, in the tests
SECONDS = 10  # for an input
PATIENCE = 30  # times that, by the clock
MEMORY = 4 * 2**30  # bytes of address space, beyond what the process has when it begins
LAST = 60  # lines of what a target said, which are shown after a fault
INPUTS = re.compile(rb"(?:#|Done )(\d+)")  # how many there were, as libFuzzer says


class HangError(BaseException):
    """An input has taken too long. No `except Exception` is to stop it."""


def main():
    parser = argparse.ArgumentParser("python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="default: all")
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs of each target")
    parser.add_argument("--minutes", type=float, default=0, help="at most, of each target")
    parser.add_argument("--jobs", type=int, default=1, help="targets at once")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--short", action="store_true", help="a few inputs of each, by Hypothesis")
    arguments = parser.parse_args()
    names = arguments.targets or list(all_targets())
    if arguments.short:
        limit_memory()
        for name, target in all_targets().items():
            guess(name, target, SHORT)
        return
    if arguments.one:
        fuzz(names[0], arguments.runs, arguments.minutes)
        return
    print("| target | inputs | seconds | found |\n| --- | ---: | ---: | --- |", flush=True)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        found = list(pool.map(lambda name: run_apart(name, arguments), names))
    sys.exit(any(found))


def run_apart(name, arguments):
    """Fuzz a target in a process of its own; print a line; return whether a fault was found."""
    began = time.monotonic()
    words = ["--one", name, "--runs", str(arguments.runs), "--minutes", str(arguments.minutes)]
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    # The child's files lie in it, since libFuzzer leaves without tidying.
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=in_memory) as folder:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz", *words],
            env=os.environ | {"TMPDIR": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        inputs, said = 0, deque(maxlen=LAST)
        with child, tqdm(desc=name, total=arguments.runs, disable=None, leave=False) as bar:
            for line in child.stdout:
                said.append(line)
                if counted := INPUTS.match(line):
                    inputs = max(inputs, int(counted[1]))
                    bar.update(inputs - bar.n)
    seconds = time.monotonic() - began
    found = "a fault" if child.returncode else "nothing"
    tqdm.write(f"| `{name}` | {inputs:,} | {seconds:,.0f} | {found} |")
    sys.stdout.flush()
    if child.returncode:
        print(b"".join(said).decode(errors="replace"), file=sys.stderr, flush=True)
    return bool(child.returncode)


def fuzz(name, runs, minutes):
    """Fuzz one target in this process; end with another status than 0 after a fault."""
    (CASES / name).mkdir(parents=True, exist_ok=True)
    try:
        import atheris
    except ImportError:
        limit_memory()
        guess(name, all_targets()[name], runs)
        print(f"Done {runs} runs", file=sys.stderr)
        return
    with atheris.instrument_imports(
        include=["studykit", "imagesets", "netserve", "PIL", "numpy.lib"]
    ):
        target = all_targets()[name]
        target.run(target.seeds[0])  # imports what it needs
    corpus = Path(os.environ.get("CORPUS", tempfile.gettempdir()), f"corpus-{name}")
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (corpus / hashlib.md5(seed).hexdigest()).write_bytes(seed)
    options = [
        f"-runs={runs}", f"-max_total_time={round(60 * minutes)}", f"-timeout={PATIENCE * SECONDS}",
        f"-artifact_prefix={CASES / name}/", f"-rss_limit_mb={MEMORY // 2**20}",
        f"-max_len={target.longest}", "-report_slow_units=1000",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda content: timed(target, content))
    atheris.Fuzz()


def timed(target, content):
    """Run a target on an input; libFuzzer's own limit is by the clock, and for what never ends."""
    began = time.process_time()
    documented(target, content)
    if time.process_time() - began > SECONDS:
        raise HangError(f"longer than {SECONDS} seconds")


def guess(name, target, runs):
    """Change right inputs at random, by Hypothesis; keep the smallest one that is a fault."""
    from hypothesis import HealthCheck, Phase, given, settings

    from tests.fuzz.mutations import mutated

    found: list[bytes] = []

    @settings(
        max_examples=runs,
        deadline=None,
        database=None,
        derandomize=runs < 1000,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(target.seeds))
    def check(content):
        try:
            with at_most(SECONDS):
                documented(target, content)
        except BaseException:
            found[:] = [content]
            raise

    try:
        check()
    except BaseException:
        keep(name, found[0])
        raise


def keep(name, content):
    """Keep an input as a case."""
    (CASES / name).mkdir(parents=True, exist_ok=True)
    (CASES / name / hashlib.md5(content).hexdigest()).write_bytes(content)


@contextmanager
def at_most(seconds):
    """Raise a HangError in a block that takes longer."""

    def stop(*_):
        raise HangError(f"longer than {seconds} seconds")

    # Of the processor's time, which no other process takes; for what waits, of the clock's.
    before = {number: signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(PATIENCE * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def limit_memory():
    """Bound the address space from now on: what needs more is refused, with a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main()
