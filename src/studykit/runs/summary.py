"""Runs summed up for people: which metrics, in which order, as text that fits the terminal."""

import shutil
import textwrap

from studykit.runs.groups import compare_with_first, group_by_configuration, main_metric
from studykit.runs.listing import list_groups
from studykit.runs.table import fit

WIDTH = 100  # characters at most, and where the terminal's are not known
FIRST = 3  # metrics that are shown where studykit.yaml names no headline


def headlines_of(entries, study, stages=None):
    """The metrics that a summary shows: title by name.

    Args:
        entries: list of Entry.
        study: Study; where it names no headline, the first metrics there are.
        stages: names of those that may have made them; None for all.
    """
    metrics = dict.fromkeys(
        name
        for entry in entries
        for name in entry.metrics
        if stages is None or (name in entry.origins and entry.origins[name].stages <= stages)
    )
    if study.headline:
        return study.headlines(metrics)
    return {name: name for name in list(metrics)[:FIRST]}


def summarise(entries, study, *, stages=None, width=None):
    """The grouped table of some runs, as text; empty where they have no metrics.

    Args:
        entries: list of Entry.
        study: Study.
        stages: names of those whose metrics are shown; None for all.
        width: in characters; the terminal's by default.
    """
    headlines = headlines_of(entries, study, stages)
    metric = main_metric(entries, headlines)
    groups, headlines = sorted_groups(entries, headlines, metric)
    if not groups:
        return ""
    columns, notes = list_groups(groups, headlines, study)
    return as_text(columns, [*notes, *without(entries, metric, headlines)], width=width)


def without(entries, metric, headlines):
    """A note on the runs that groups leave out, if there are any."""
    number = sum(metric not in entry.origins for entry in entries)
    return [f"Without {headlines[metric]}, so left out: {number} of the runs."] if number else []


def sorted_groups(entries, headlines, metric, *, reverse=False):
    """Configurations by their mean of a metric, the best first, each compared with the first.

    Args:
        entries: list of Entry.
        headlines: title of each metric, by name.
        metric: that decides.
        reverse: whether the best comes last.

    Returns:
        list of Group; title by name of those metrics that they have, the one that decides first.
    """
    groups = group_by_configuration(entries, metric, list(headlines))
    groups = [group for group in groups if metric in group.means]
    groups.sort(key=lambda group: group.means[metric].mean, reverse=not reverse)
    compare_with_first(groups, list(headlines))
    titles = {metric: headlines.get(metric, metric)} | headlines
    return groups, {k: v for k, v in titles.items() if any(k in g.means for g in groups)}


def as_text(columns, notes, *, width=None):
    """A table and its notes, in at most so many characters a line.

    Args:
        columns: list of Column.
        notes: sentences.
        width: in characters; by default the terminal's, and WIDTH at most.
    """
    width = width or min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
    table, left_out = fit(columns, width)
    if left_out:
        notes = [*notes, f"Left out for want of room: {', '.join(left_out)}; --csv has all."]
    said = [textwrap.fill(note, width, break_on_hyphens=False) for note in notes]
    return "\n".join([table, *([""] if said else []), *said])
