"""How sure a number is: intervals and tests."""

from typing import NamedTuple

import numpy as np
from scipy import special  # scipy.stats takes half a second to import


class Interval(NamedTuple):
    """Bounds of a confidence interval."""

    low: float
    high: float


def wilson_interval(successes, trials, *, confidence):
    """Interval of a proportion: holds its confidence near 0 and 1, where Wald's does not.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927); recommended by Brown, Cai & DasGupta, Statistical Science 16 (2001).
    """
    z = special.ndtri((1 + confidence) / 2)
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * np.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2) / (1 + z**2 / trials)
    low = centre - half if successes else 0.0
    high = centre + half if successes < trials else 1.0
    return Interval(float(low), float(high))


class PairedDifference(NamedTuple):
    """How two classifiers differ on the same images.

    Attributes:
        difference: accuracy of the second minus that of the first.
        low, high: its interval.
        only_first, only_second: images that only the one gets right.
        p_value: of McNemar's exact test, two-sided.
    """

    difference: float
    low: float
    high: float
    only_first: int
    only_second: int
    p_value: float


def paired_difference(first_correct, second_correct, *, confidence):
    """Compare two classifiers image by image.

    Args:
        first_correct: bool (n,), which images the first gets right.
        second_correct: bool (n,), likewise.
        confidence: of the interval, in (0, 1).

    Source: Q. McNemar, Psychometrika 12 (1947), in its exact binomial form; the interval after
    A. Agresti & Y. Min, Statistics in Medicine 24 (2005): Wald's with 1/2 added to each cell.
    """
    only_first = int(np.sum(first_correct & ~second_correct))
    only_second = int(np.sum(~first_correct & second_correct))
    discordant = only_first + only_second
    # Under the hypothesis a discordant image is a fair coin's toss: both tails are the same.
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


def turning_epoch(epochs, losses, *, confidence):
    """Where a noisy loss curve is lowest: the epochs that cannot be told from the lowest.

    A cubic in the logarithm of the epoch (it can fall, rise, and level off) is fitted by least
    squares; an epoch is in the interval when a t-test does not find its fitted loss above the
    lowest fitted loss.

    Args:
        epochs: int (n,), from 1, n at least 6.
        losses: float (n,).
        confidence: of each t-test, in (0, 1).

    Returns:
        The epoch of the lowest fitted loss, and the Interval of such epochs around it.

    Source: the standard error of a contrast in linear regression, e.g. G. A. F. Seber & A. J. Lee,
    Linear Regression Analysis (2003), section 3.
    """
    epochs, losses = np.asarray(epochs), np.asarray(losses)
    design = np.vander(np.log(epochs), 4)
    inverse = np.linalg.inv(design.T @ design)
    fitted = design @ (inverse @ (design.T @ losses))
    lowest = int(fitted.argmin())
    freedom = len(epochs) - design.shape[1]
    variance = np.sum((losses - fitted) ** 2) / freedom
    contrast = design - design[lowest]
    error = np.sqrt(variance * np.einsum("ij,jk,ik->i", contrast, inverse, contrast))
    bound = special.stdtrit(freedom, (1 + confidence) / 2) * error
    near = epochs[fitted - fitted[lowest] <= bound]
    return int(epochs[lowest]), Interval(int(near.min()), int(near.max()))
