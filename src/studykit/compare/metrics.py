"""Judge each metric: an accuracy by a test of the predictions, any other by a tolerance.

What is tested can fail a change; what is not is pointed out.
"""

from collections.abc import Container
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from studykit.compare.changes import Change
from studykit.compare.paired import PairedDifference, holm, paired_difference

NOT_JUDGED, NOT_COMPARED = "not judged", "not compared"
# Why a model's predictions make no pairs.
OTHER_EXAMPLES = "the test examples of {} are not the same"
GONE = "the predictions of {} are gone"


@dataclass(frozen=True)
class MetricChange(Change):
    """A metric, before and after.

    Attributes:
        judgement: unchanged; new or gone; for a tested one loss, small loss (below the threshold),
            gain, noise, or not judged (no declared input explains it); for any other moved or
            within tolerance; not compared where it is of other data, or stale.
        test: of the predictions behind it, or None.
        p_value: of the test, corrected for the number of tests, or None.
    """

    judgement: str
    test: PairedDifference | None = None
    p_value: float | None = None

    @property
    def difference(self):
        """After minus before, or None where one is lacking."""
        return None if None in (self.before, self.after) else self.after - self.before


@dataclass(frozen=True)
class Flips:
    """Test examples, by index, that only the one revision's model gets right."""

    model: str
    broken: list[int]
    mended: list[int]


def compare_accuracies(before, after, settings, *, names=None, not_judged: Container[str] = ()):
    """Test each model's accuracy on the predictions themselves, so that no renamed metric escapes.

    Args:
        before, after: model to its table of predictions.
        settings: DiffSettings.
        names: model to the name of its accuracy; `MODEL.accuracy` where it is not there.
        not_judged: models whose differences are no gain and no loss.

    Returns:
        list of MetricChange, list of Flips, and by model why its predictions make no pairs.
    """
    tests, flips, unpaired = {}, [], {}
    for model, old in before.items():
        if reason := no_pairs(old, after.get(model)):
            unpaired[model] = reason
            continue
        was, now = correct(old), correct(after[model])
        tests[model] = paired_difference(was, now, confidence=1 - settings.significance)
        flips.append(Flips(model, _indices(was & ~now), _indices(~was & now)))
    # Where no prediction's correctness changed there is nothing to test, and no chance of an alarm.
    judged = {
        model: test.p_value
        for model, test in tests.items()
        if _differ(test) and model not in not_judged
    }
    p_values = dict(zip(judged, holm(list(judged.values())), strict=True))
    accuracies = []
    for model, test in tests.items():
        if _differ(test) and model in not_judged:
            p_value, judgement = None, NOT_JUDGED
        else:
            p_value = p_values.get(model, 1.0)
            judgement = judge_test(test, p_value, settings)
        was, now = (float(correct(tables[model]).mean()) for tables in (before, after))
        name = (names or {}).get(model, f"{model}.accuracy")
        accuracies.append(MetricChange(name, was, now, judgement, test, p_value))
    return accuracies, flips, unpaired


def no_pairs(before, after):
    """Why two tables of predictions are not of the same examples, or None where they are."""
    if after is None:
        return GONE
    return None if same_examples(before, after) else OTHER_EXAMPLES


def same_examples(before, after):
    """Whether two tables of predictions have the same labels."""
    return np.array_equal(before["label"], after["label"])


def compare_metrics(before, after, tolerances):
    """Hold every metric against its tolerance.

    Args:
        before, after: number by name.
        tolerances: Tolerance by pattern of names; the first that fits counts.

    Returns:
        list of MetricChange.
    """
    return [
        MetricChange(
            name,
            before.get(name),
            after.get(name),
            judge_tolerance(name, before.get(name), after.get(name), tolerances),
        )
        for name in dict.fromkeys((*after, *before))
    ]


def judge_test(test, p_value, settings):
    """Judge a paired test by its corrected p-value."""
    if not _differ(test):
        return "unchanged"
    if p_value >= settings.significance:
        return "noise"
    if test.difference > 0:
        return "gain"
    return "loss" if -test.difference >= settings.threshold else "small loss"


def judge_tolerance(name, before, after, tolerances):
    """Judge a metric that no test covers; without a tolerance that fits, any change is one."""
    if before is None or after is None:
        return "new" if before is None else "gone"
    if before == after:
        return "unchanged"
    allowed = 0.0
    for pattern, tolerance in tolerances.items():
        if fnmatchcase(name, pattern):
            relative = tolerance.relative is not None
            allowed = tolerance.relative * abs(before) if relative else tolerance.absolute
            break
    return "within tolerance" if abs(after - before) <= allowed else "moved"


def correct(predictions):
    """Which rows of a table of predictions are right, bool (n,)."""
    return (predictions["label"] == predictions["prediction"]).to_numpy()


def _differ(test):
    return bool(test.only_first or test.only_second)


def _indices(mask):
    return np.flatnonzero(mask).tolist()
