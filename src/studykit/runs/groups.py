"""Runs grouped by configuration: the same code and parameters, other seeds."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

from studykit.compare.paired import holm
from studykit.runs.seeds import Difference, Mean, mean_over_seeds, paired_t_test

CONFIDENCE = 0.95  # of every interval


@dataclass(frozen=True)
class Group:
    """A configuration.

    Attributes:
        setting: its parameters, without seeds.
        code: digest of its commands and sources.
        baseline: commit that one of its runs started from, or is.
        values: metric to its value by seed.
        names: of its runs by seed, one each.
        means: metric to its Mean.
        differences: metric to the Difference from the first group.
        p_values: of these, corrected for the number of groups that are compared with the first.
    """

    setting: dict[str, Any]
    code: str
    baseline: str | None
    values: dict[str, dict[str, float]]
    names: dict[str, str]
    means: dict[str, Mean]
    differences: dict[str, Difference] = field(default_factory=dict)
    p_values: dict[str, float] = field(default_factory=dict)

    @property
    def size(self):
        """How many seeds it was run with."""
        return len(self.names)


def main_metric(entries, headlines):
    """The headline that tells runs apart: the first that differs among most of them.

    Where none differs it is the first that more than half of the runs have, else the one that most
    have.

    Returns:
        Its name; None where there are no headlines.
    """
    values = {name: [e.metrics[name] for e in entries if name in e.metrics] for name in headlines}
    common = [name for name, found in values.items() if 2 * len(found) > len(entries)]
    differing = [name for name in common if len(set(values[name])) > 1]
    most = max(values, key=lambda name: len(values[name]), default=None)
    return next(iter([*differing, *common]), most)


def group_by_configuration(entries, metric, headlines):
    """Put runs of one configuration together; of runs with the same seeds, one counts.

    Args:
        entries: list of Entry; those without the metric are left out.
        metric: whose parameters and code are the configuration.
        headlines: names of the metrics that are summed up, where they depend on nothing else.

    Returns:
        list of Group.
    """
    found: dict[str, list] = {}
    for entry in entries:
        if metric in entry.origins:
            origin = entry.origins[metric]
            key = json.dumps([origin.code, origin.setting], sort_keys=True, default=str)
            found.setdefault(key, []).append(entry)
    known = [entry for same in found.values() for entry in same]
    metrics = [n for n in headlines if all(_needs_no_more(entry, n, metric) for entry in known)]
    return [_group(same, metric, metrics) for same in found.values()]


def _needs_no_more(entry, name, metric):
    """Whether a metric comes from the stages of another, if it is there."""
    origin = entry.origins.get(name)
    return origin is None or origin.stages <= entry.origins[metric].stages


def compare_with_first(groups, metrics):
    """Compare each group with the first one, by the seeds that they share.

    Args:
        groups: list of Group.
        metrics: names.
    """
    if not groups:
        return
    first, *others = groups
    for metric in metrics:
        tested = []
        for group in others:
            values = first.values.get(metric, {}), group.values.get(metric, {})
            difference = paired_t_test(*values, confidence=CONFIDENCE)
            if difference is not None:
                group.differences[metric] = difference
                if difference.p_value is not None:
                    tested.append(group)
        corrected = holm([group.differences[metric].p_value for group in tested])
        for group, p_value in zip(tested, corrected, strict=True):
            group.p_values[metric] = p_value


def _group(entries, metric, metrics):
    by_seed: dict[str, Any] = {}
    for entry in entries:  # experiments first: the workspace and branches may be one of them
        seed = json.dumps(entry.origins[metric].seeds, sort_keys=True, default=str)
        if seed not in by_seed or (entry.baseline and not by_seed[seed].baseline):
            by_seed[seed] = entry
    values = {
        metric: {
            seed: entry.metrics[metric]
            for seed, entry in by_seed.items()
            if math.isfinite(entry.metrics.get(metric, math.nan))
        }
        for metric in metrics
    }
    means = {
        metric: mean_over_seeds(list(found.values()), confidence=CONFIDENCE)
        for metric, found in values.items()
        if found
    }
    one, origin = entries[0], entries[0].origins[metric]
    names = {seed: entry.name for seed, entry in by_seed.items()}
    return Group(origin.setting, origin.code, one.baseline or one.commit, values, names, means)
