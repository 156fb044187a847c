"""Whether the results of a rerun agree with the committed ones within their uncertainty."""

from dataclasses import dataclass

import numpy as np

from studykit.compare.metrics import compare_metrics, correct, no_pairs
from studykit.compare.paired import paired_difference, say_p, wilson_interval
from studykit.dotted import bounds


@dataclass(frozen=True)
class Check:
    """A number of the rerun, judged against the committed one."""

    agrees: bool
    text: str


def compare_numbers(before, after, settings):
    """Judge a rerun: by each model's predictions, or, where there are none, by the metrics.

    Args:
        before, after: Results.
        settings: DiffSettings.

    Yields:
        Check, one for each model or metric.
    """
    if not before.predictions:
        yield from _compare_metrics(before, after, settings)
    for model, table in before.predictions.items():
        if reason := no_pairs(table, after.predictions.get(model)):
            yield Check(False, f"{model}: {reason.format(model)}: DIFFERS")
        else:
            yield _compare_predictions(model, before, after, settings)


def _compare_predictions(model, before, after, settings):
    """Judge a model's test accuracy by the committed interval, and its predictions by a test.

    McNemar's test looks at the same examples, so it sees smaller differences than the interval. The
    significance is that of `diff`, shared among the models after Bonferroni.
    """
    tables = before.predictions[model], after.predictions[model]
    first, second = map(correct, tables)
    low, high = _interval(model, before, first, settings)
    test = paired_difference(first, second, confidence=1 - settings.significance)
    significance = settings.significance / len(before.predictions)
    agrees = bool(low <= second.mean() <= high and test.p_value >= significance)
    changed = int(np.sum(tables[0]["prediction"] != tables[1]["prediction"]))
    return Check(
        agrees,
        f"{model}: test accuracy {first.mean():.4f} [{low:.4f}, {high:.4f}], here "
        f"{second.mean():.4f}; {changed} predictions changed, McNemar's "
        f"{say_p(test.p_value)}: {'agrees' if agrees else 'DIFFERS'}",
    )


def _interval(model, results, correct_before, settings):
    """The accuracy's interval: as the study's metrics state it, else Wilson's."""
    name = results.accuracies.get(model, f"{model}.accuracy")
    ends = [results.metrics.get(end) for end in bounds(name, results.metrics)]
    if None not in ends:
        return ends
    right, total = int(correct_before.sum()), len(correct_before)
    return wilson_interval(right, total, confidence=1 - settings.significance)


def _compare_metrics(before, after, settings):
    for metric in compare_metrics(before.metrics, after.metrics, settings.tolerances):
        agrees = metric.judgement in ("unchanged", "within tolerance", "new")
        values = f"{metric.before}, here {metric.after}"
        yield Check(agrees, f"{metric.name}: {values}: {'agrees' if agrees else 'DIFFERS'}")
