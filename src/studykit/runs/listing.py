"""The columns and notes of a summary: a line a run, or a line a configuration."""

from studykit.dotted import bounds
from studykit.runs.table import Column
from studykit.runs.words import (
    ELLIPSIS,
    common_beginning,
    say_difference,
    say_interval,
    say_number,
    say_params,
    say_time,
    short_keys,
)

EXPLAINED = 4  # short keys, at most


def list_runs(entries, headlines, study, *, whole=False):
    """A line a run.

    Args:
        entries: list of Entry.
        headlines: title of each metric that is shown, by name.
        study: Study.
        whole: whether names and keys stay whole.

    Returns:
        list of Column, and notes: what to know to read them.
    """
    beginning = "" if whole else common_beginning([e.name for e in entries if e.baseline])
    names = [_without(beginning, e.name) if e.baseline else e.name for e in entries]
    keys = dict.fromkeys(key for entry in entries for key in entry.differs)
    short = {key: key for key in keys} if whole else short_keys(keys)
    differs = [say_params(entry.differs, short, study.all_seeds) for entry in entries]
    columns = [
        Column("name", names, least=16),
        Column("differs", differs, least=14),
        *(
            _metric_column(entries, name, title, may_go=number > 0)
            for number, (name, title) in enumerate(headlines.items())
        ),
        Column("when", [say_time(entry.time) for entry in entries]),
    ]
    notes = [f"Names begin with {beginning}"] if beginning else []
    return columns, notes + _legend(short) + _stale(entries, headlines)


def list_groups(groups, headlines, study, *, whole=False):
    """A line a configuration.

    Args:
        groups: list of Group.
        headlines: title of each metric that is shown, by name; the first is what they differ in.
        study: Study.
        whole: whether keys stay whole.

    Returns:
        list of Column, and notes.
    """
    labels, short = label_groups(groups, whole=whole)
    first = next(iter(headlines), None)
    columns = [
        Column("configuration", labels, least=24),
        Column("seeds" if study.all_seeds else "runs", [str(group.size) for group in groups]),
    ]
    for metric, title in headlines.items():
        means = [group.means.get(metric) for group in groups]
        columns.append(
            Column(
                f"mean {title}",
                [say_interval(*mean[:3]) if mean else "–" for mean in means],
                [say_number(mean.mean) if mean else "–" for mean in means],
                may_go=metric != first,
            )
        )
        if metric == first and len(groups) > 1:
            columns.append(_difference_column(groups, metric))
    notes = _legend(short)
    if any(group.size > 1 for group in groups):
        notes.append("Intervals: 95%, Student's t over seeds.")
    if any(group.p_values for group in groups):
        notes.append(
            "Differences: from the first line, paired by seed; p of the t test"
            + (", corrected after Holm." if len(groups) > 2 else ".")
        )
    return columns, notes


def label_groups(groups, *, whole=False):
    """What tells configurations apart: parameters, and the baseline where only code differs.

    Returns:
        list of labels; short form of each key in them.
    """
    keys = dict.fromkeys(key for group in groups for key in group.setting)
    varying = [key for key in keys if _varies([g.setting.get(key) for g in groups])]
    short = {key: key for key in varying} if whole else short_keys(varying)
    labels = []
    for group in groups:
        params = {key: group.setting[key] for key in varying if key in group.setting}
        labels.append(say_params(params, short) or "all runs")
    if len({group.code for group in groups}) > 1:
        labels = [
            f"{label}, code of {(group.baseline or 'the workspace')[:7]}"
            for label, group in zip(labels, groups, strict=True)
        ]
    return labels, short


def _metric_column(entries, name, title, *, may_go):
    cells, brief = [], []
    for entry in entries:
        value = entry.metrics.get(name)
        ends = map(entry.metrics.get, bounds(name, entry.metrics))
        cells.append("–" if value is None else say_interval(value, *ends))
        brief.append("–" if value is None else say_number(value))
    return Column(title, cells, brief, may_go=may_go)


def _difference_column(groups, metric):
    cells = [say_difference(g.differences.get(metric), g.p_values.get(metric)) for g in groups]
    return Column("difference from the first", cells)


def _varies(values):
    return any(value != values[0] for value in values)


def _without(beginning, name):
    return f"{ELLIPSIS}{name.removeprefix(beginning)}" if beginning else name


def _legend(short):
    """What short keys stand for, where there are few."""
    said = [f"{brief}: {key}" for key, brief in short.items() if brief != key]
    return [", ".join(said)] if 0 < len(said) <= EXPLAINED else []


def _stale(entries, headlines):
    """That some stages have not run with what is shown."""
    lacking = [e for e in entries if e.stale and not all(name in e.metrics for name in headlines)]
    if not lacking:
        return []
    stages = ", ".join(dict.fromkeys(stage for entry in lacking for stage in entry.stale))
    return [f"–: not run with these parameters: {stages}"]
