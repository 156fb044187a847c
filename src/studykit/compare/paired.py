"""Whether two models differ on the same examples by more than chance, and how sure a share is."""

from typing import NamedTuple

import numpy as np
from scipy import special  # scipy.stats takes half a second to import


class PairedDifference(NamedTuple):
    """How two models differ on the same examples.

    Attributes:
        difference: accuracy of the second minus that of the first.
        low, high: its interval.
        only_first, only_second: examples that only the one gets right.
        p_value: of McNemar's exact test, two-sided.
    """

    difference: float
    low: float
    high: float
    only_first: int
    only_second: int
    p_value: float


def paired_difference(first_correct, second_correct, *, confidence):
    """Compare two models example by example.

    Args:
        first_correct: bool (n,), which examples the first gets right.
        second_correct: bool (n,), likewise.
        confidence: of the interval, in (0, 1).

    Source: Q. McNemar, "Note on the sampling error of the difference between correlated
    proportions or percentages", Psychometrika 12 (1947), in its exact binomial form; the interval
    after A. Agresti & Y. Min, "Simple improved confidence intervals for comparing matched
    proportions", Statistics in Medicine 24 (2005): Wald's with 1/2 added to each of the four cells.
    """
    only_first = int(np.sum(first_correct & ~second_correct))
    only_second = int(np.sum(~first_correct & second_correct))
    discordant = only_first + only_second
    # Under the hypothesis a discordant example is a fair coin's toss: both tails are the same.
    p_value = min(1.0, 2 * special.bdtr(min(only_first, only_second), discordant, 0.5))
    n = len(first_correct) + 2
    centre = (only_second - only_first) / n
    error = np.sqrt(discordant + 1 - (only_second - only_first) ** 2 / n) / n
    half_width = special.ndtri((1 + confidence) / 2) * error
    return PairedDifference(
        difference=(only_second - only_first) / len(first_correct),
        low=float(centre - half_width),
        high=float(centre + half_width),
        only_first=only_first,
        only_second=only_second,
        p_value=float(p_value),
    )


def holm(p_values):
    """Correct p-values for the number of tests: below a level, at most that share of false alarms.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
    of Statistics 6 (1979).
    """
    order = np.argsort(p_values)
    steps = np.asarray(p_values)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1) if len(order) else []
    return corrected.tolist()


def wilson_interval(successes, trials, *, confidence):
    """Interval of a share: (low, high).

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927).
    """
    z = special.ndtri((1 + confidence) / 2)
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * np.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2) / (1 + z**2 / trials)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def say_p(p_value):
    """A p-value, as papers state it."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
