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
    first, *others = nets
    if len(others) < ALL_PAIRS:
        return list(combinations(nets, 2))
    return [(first, other) for other in others]
