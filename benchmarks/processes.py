"""Measure in processes of their own, which wait for their turns. Needs nothing but Python."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager


class Worker:
    """A process that measures whenever it is called.

    Each time it measures twice, and the first answer is dropped: while it waits for its turn, a
    system may take away the pages of its libraries, and read them from the disk again.
    """

    def __init__(self, module, *words, python=sys.executable, environment=None):
        """Start it and wait until it is warm.

        Args:
            module: run as `python -m`; it uses Turns.
            words: its command line.
            python: interpreter.
            environment: further variables.
        """
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the worker
        self._process = subprocess.Popen(
            [python, "-m", module, *map(str, words)],
            env=os.environ | (environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._answer()

    def __call__(self):
        """Its next answer but one, or None if it has failed."""
        answer = None
        for _ in range(2):
            if self._process.poll() is not None:
                return None
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            answer = self._answer()
        return answer

    def reason(self):
        """Why it failed: by which signal it ended, or the last line that it said."""
        if (status := self._process.wait()) < 0:
            return f"ended by {signal.Signals(-status).name}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
        return json.loads(line) if line else None


class Turns:
    """A worker's side: standard output is for answers, what libraries print goes to the errors."""

    def __init__(self):
        self._answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def answer(self, value):
        """Hand back what was measured, then wait until the next turn; end where there is none."""
        print(json.dumps(value), file=self._answers, flush=True)
        if not sys.stdin.readline():
            os._exit(0)  # at once: a library may be in the middle of a training


@contextmanager
def closing_all():
    """Yield a list; what is appended to it is closed at the end."""
    workers = []
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()
