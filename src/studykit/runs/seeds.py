"""Means over seeds, and paired differences between two configurations over the seeds they share."""

import math
from typing import NamedTuple

import numpy as np
from scipy import special  # scipy.stats takes half a second to import


class Mean(NamedTuple):
    """A mean over seeds.

    Attributes:
        mean: of the values.
        low, high: its interval; None for fewer than two values.
        n: how many values.
    """

    mean: float
    low: float | None
    high: float | None
    n: int


class Difference(NamedTuple):
    """What the second configuration's values are above the first's, seed by seed.

    Attributes:
        mean: of the differences.
        low, high: its interval; None for fewer than two shared seeds.
        n: how many seeds they share.
        p_value: of the paired t test, two-sided; None for fewer than two shared seeds.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    p_value: float | None


def mean_over_seeds(values, *, confidence):
    """A mean with Student's interval.

    Args:
        values: finite numbers, at least one.
        confidence: of the interval, in (0, 1).

    Returns:
        Mean.

    Source: Student, "The probable error of a mean", Biometrika 6 (1908).
    """
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return Mean(mean, None, None, n)
    half = special.stdtrit(n - 1, (1 + confidence) / 2) * _standard_error(values)
    return Mean(mean, float(mean - half), float(mean + half), n)


def paired_t_test(first, second, *, confidence):
    """Compare two configurations by the seeds that they share.

    Args:
        first, second: finite number by seed.
        confidence: of the interval, in (0, 1).

    Returns:
        Difference; None where they share no seed.
    """
    shared = [seed for seed in first if seed in second]
    if not shared:
        return None
    differences = np.asarray([second[seed] - first[seed] for seed in shared])
    mean, low, high, n = mean_over_seeds(differences, confidence=confidence)
    if n < 2:
        return Difference(mean, None, None, n, None)
    error = _standard_error(differences)
    if error == 0:  # each seed has the same difference
        return Difference(mean, low, high, n, float(mean == 0))
    p_value = 2 * special.stdtr(n - 1, -abs(mean) / error)
    return Difference(mean, low, high, n, float(p_value))


def _standard_error(values):
    return float(np.std(values, ddof=1)) / math.sqrt(len(values))
