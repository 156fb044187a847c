"""How a sweep gets on: a bar on a terminal, with the best so far; a line a trial in a log."""

import sys
import time
from contextlib import ExitStack, redirect_stderr, redirect_stdout

from tqdm import tqdm

from studykit.runs.entries import read_entries
from studykit.runs.groups import main_metric
from studykit.runs.summary import headlines_of
from studykit.runs.words import say_number


class Progress:
    """What is done, runs, has failed and is left.

    While it is used, what others print stands in lines of its own above the bar, and their bars
    are not shown.

    Args:
        study: Study, whose first headline says which trial is the best.
        total: how many trials there are.
        before: Revisions of those that were done before.
        stages: names of those that the trials run.
    """

    def __init__(self, study, total, before, stages):
        self._total, self._done, self._failed, self._running = total, len(before), 0, 0
        self._before, self._began = len(before), time.monotonic()
        self._bar = tqdm(
            total=total,
            initial=len(before),
            unit="trial",
            file=sys.stderr,
            disable=not sys.stderr.isatty(),
            leave=False,
            dynamic_ncols=True,
        )
        self._study, self._stages, self._entries = study, stages, []
        self._redirected = ExitStack()
        self.see(before)

    def __enter__(self):
        if not self._bar.disable:
            self._redirected.enter_context(redirect_stdout(_Lines(self._bar, sys.stdout)))
            self._redirected.enter_context(redirect_stderr(_Lines(self._bar, sys.stderr)))
        return self

    def __exit__(self, *_):
        self._redirected.close()
        self._bar.close()

    def show(self, event):
        """Take in an Event."""
        self._running = event.running
        if event.name:
            self.finish(event.name, event.error)
        self._show()

    def see(self, revisions):
        """Take in what trials that are done have achieved; only the bar says it."""
        if not self._bar.disable:
            self._entries += read_entries(revisions, self._study)

    def finish(self, name, error):
        """Count a trial that has ended."""
        self._failed += error is not None
        self._done += error is None
        self._bar.update()
        if error:
            print(f"failed: {name}: {error}", flush=True)
        elif self._bar.disable:
            finished = self._done + self._failed
            each = (time.monotonic() - self._began) / (finished - self._before)
            left = tqdm.format_interval((self._total - finished) * each)
            print(
                f"done: {name}; {self._done} of {self._total} done, {self._running} running, "
                f"{self._failed} failed, {left} left",
                flush=True,
            )

    def _show(self):
        said = {"running": self._running, "failed": self._failed}
        headlines = headlines_of(self._entries, self._study, self._stages)
        metric = main_metric(self._entries, headlines)
        values = [e.metrics[metric] for e in self._entries if metric in e.metrics]
        if values:
            said["best"] = say_number(max(values))
        self._bar.set_postfix(said)


class _Lines:
    """A text stream whose whole lines are printed above a bar; it is no terminal."""

    encoding = "utf-8"

    def __init__(self, bar, stream):
        self._bar, self._stream, self._text = bar, stream, ""

    def write(self, text):
        *lines, self._text = (self._text + text).replace("\r", "\n").split("\n")
        if lines := [line for line in lines if line.strip()]:
            self._bar.clear()
            self._stream.write("\n".join([*lines, ""]))
            self._stream.flush()
            self._bar.refresh()
        return len(text)

    def flush(self):
        """Nothing: a line that is not ended waits for its end."""

    def isatty(self):
        return False
