"""What nets are worth: scores, intervals, claims."""

from itertools import combinations

ALL_PAIRS = 3  # nets at most of which each is compared with each other one


def pairs(nets):
    """Which nets are compared: each with each, or, where there are many, each with the first.

    Args:
        nets: names, in the study's order.

    Returns:
        list of pairs of names.
    """
    found = list(combinations(nets, 2))
    return found if len(nets) <= ALL_PAIRS else found[: len(nets) - 1]  # the first ones
