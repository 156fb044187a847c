"""A sweep's bar: whole whatever else is printed, with the best so far."""

import io
import logging
import sys

from tqdm import tqdm

from studykit.runs.entries import Entry, Origin
from studykit.study import Study
from studykit.trials import progress
from studykit.trials.trials import Event

NAME = "test.accuracy"
STUDY = Study(name="s", headline={NAME: "accuracy"})
ORIGIN = Origin({}, {}, "", frozenset({"test"}))


class Terminal(io.StringIO):
    """What a terminal is sent."""

    encoding = "utf-8"

    def isatty(self):
        return True

    def shows(self):
        """The lines that are on it in the end: a return begins a line anew, over what was there."""
        lines = []
        for sent in self.getvalue().split("\n"):
            line = ""
            for part in sent.split("\r"):
                line = part + line[len(part) :]
            lines.append(line.rstrip())
        return lines


def test_what_others_print_stands_above_the_bar_which_shows_the_best(monkeypatch):
    found = {"a": 0.5, "b": 0.75}

    def read_entries(names, study):
        return [Entry(n, metrics={NAME: found[n]}, origins={NAME: ORIGIN}) for n in names]

    monkeypatch.setattr(progress, "read_entries", read_entries)
    # Not in a fixture: pytest puts its own streams in place between that and the test.
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.Progress(STUDY, 3, ["a"], {"test"}) as bar:
        bar.show(Event(2))
        assert "1/3" in terminal.shows()[-1]
        assert "best=0.5000" in terminal.shows()[-1]
        print("a message")
        logger = logging.Logger("another's")
        logger.addHandler(logging.StreamHandler(sys.stderr))
        logger.warning("a warning")
        for _ in tqdm(range(3), disable=None):  # as DVC's: only on a terminal
            sys.stderr.write("50%\r")
        bar.show(Event(1, "b"))
        bar.see(["b"])
        bar.show(Event(0, "d", "it failed"))
        *above, last = terminal.shows()
        assert above == ["a message", "a warning", "50%", "50%", "50%", "failed: d: it failed"]
        assert last.startswith("100%|")
        assert "3/3" in last
        assert "running=0, failed=1, best=0.7500]" in last
    assert sys.stdout is sys.stderr is terminal
    assert terminal.shows()[-1] == ""
