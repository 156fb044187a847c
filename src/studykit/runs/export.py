"""Runs and configurations for other programs: CSV and JSON, in which no number is NaN."""

import csv
import json
import sys

from studykit.documents import plain

BOUNDS = ("mean", "low", "high", "n", "difference", "difference_low", "difference_high", "p_holm")


def write_csv(entries):
    """Print a line a run: parameters that differ from the baseline anywhere, and all metrics."""
    params = dict.fromkeys(key for entry in entries for key in entry.differs)
    metrics = dict.fromkeys(name for entry in entries for name in entry.metrics)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["name", "commit", "baseline", "time", *params, *metrics])
    for entry in entries:
        facts = [entry.name, entry.commit, entry.baseline, entry.time]
        values = [_cell(entry.params.get(key)) for key in params]
        writer.writerow(facts + values + [_cell(entry.metrics.get(name)) for name in metrics])


def write_csv_of_groups(groups, headlines):
    """Print a line a configuration: its parameters, means, and differences from the first."""
    keys = dict.fromkeys(key for group in groups for key in group.setting)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["code", *keys, *(f"{name}_{end}" for name in headlines for end in BOUNDS)])
    for group in groups:
        cells = [group.code, *(_cell(group.setting.get(key)) for key in keys)]
        for name in headlines:
            cells += list(group.means.get(name) or [None] * 4)
            difference = group.differences.get(name)
            cells += list(difference[:3]) if difference else [None] * 3
            cells.append(group.p_values.get(name))
        writer.writerow(cells)


def _cell(value):
    """A value in CSV: empty for none or what is no finite number."""
    if isinstance(value, float):
        return plain(value)
    return json.dumps(value) if isinstance(value, list | dict | bool) else value


def run_as_dict(entry):
    """An Entry in JSON's types."""
    return {
        "name": entry.name,
        "commit": entry.commit,
        "baseline": entry.baseline,
        "time": entry.time,
        "differs": entry.differs,
        "params": entry.params,
        "metrics": entry.metrics,
        "not_run": list(entry.stale),
    }


def group_as_dict(group):
    """A Group in JSON's types."""
    metrics = {}
    for name, mean in group.means.items():
        difference = group.differences.get(name)
        metrics[name] = mean._asdict() | {
            "difference": difference and difference._asdict() | {"p_holm": group.p_values.get(name)}
        }
    return {
        "setting": group.setting,
        "code": group.code,
        "names": list(group.names.values()),
        "metrics": metrics,
    }
