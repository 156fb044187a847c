"""Which experiments are to go: by name, age, rank, or because their baseline is gone."""

import math
import re
import time
from datetime import datetime
from fnmatch import fnmatchcase

from studykit.errors import UserError
from studykit.records.git import git
from studykit.runs.groups import main_metric
from studykit.runs.selection import metric_of

AGE = re.compile(r"(\d+)([hdw])")
SECONDS = {"h": 3_600, "d": 86_400, "w": 604_800}


def choose(entries, headlines, *, names=(), older_than=None, best=None, by=None, lost=False):
    """The experiments that every given condition fits.

    Args:
        entries: list of Entry, of experiments.
        headlines: title of each metric by name.
        names: patterns with * and ?; any of them has to fit. None for all.
        older_than: seconds since 1970; those from then on stay.
        best: of those whose names fit, so many stay, and those without the metric.
        by: name or title of the metric that says which are the best; by default the first
            headline that most of them have.
        lost: whether only those go whose baseline no branch or tag reaches.

    Returns:
        list of Entry.

    Raises:
        UserError: there is no such metric.
    """
    chosen = [e for e in entries if not names or any(fnmatchcase(e.name, p) for p in names)]
    if best is not None:
        chosen = _all_but_the_best(chosen, headlines, best, by)
    if older_than is not None:
        chosen = [entry for entry in chosen if entry.time is not None and entry.time < older_than]
    if lost:
        reached = set((git("rev-list", "--branches", "--tags", "--remotes", "HEAD") or "").split())
        chosen = [entry for entry in chosen if entry.baseline not in reached]
    return chosen


def read_age(text):
    """The time before which something is older than a text says: `12h`, `30d`, `2w` or a date.

    Returns:
        Seconds since 1970.

    Raises:
        UserError: it says neither.
    """
    if found := AGE.fullmatch(text):
        return time.time() - int(found[1]) * SECONDS[found[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise UserError(
            f"--older-than: expected hours, days, weeks or a date, such as 12h, 30d, 2w or "
            f"2026-01-31, received {text}"
        ) from None


def _all_but_the_best(entries, headlines, number, by):
    metric = metric_of(by, headlines) if by else main_metric(entries, headlines)
    if metric is None:
        known = ", ".join(headlines) or "none"
        raise UserError(f"--by: expected a headline metric, {known}; received {by}")
    ranked = [e for e in entries if math.isfinite(e.metrics.get(metric, math.nan))]
    ranked.sort(key=lambda entry: entry.metrics[metric], reverse=True)
    return ranked[number:]
