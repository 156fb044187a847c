"""Numbers, changes and lists in words and figures, the same in a terminal and in a comment."""

import re

SHARES = {"accuracy", "precision", "recall", "f1", "confidence", "ece"}  # told in per cent


def is_share(name, values, known=()):
    """Whether a number is told in per cent: by the words of its name, and by its values.

    Args:
        name: dotted, or with underscores.
        values: of it; None where it is lacking.
        known: names of metrics: `a.low` is a share where it bounds one that is, `a.accuracy`.
    """
    names, (beside, _, last) = [name], name.rpartition(".")
    if last in ("low", "high"):
        names += [each for each in known if each.rpartition(".")[0] == beside]
    if SHARES.isdisjoint(word for each in names for word in _words(each)):
        return False
    least = -1 if is_difference(name) else 0
    return all(least <= value <= 1 for value in values if value is not None)


def is_difference(name):
    """Whether a number is a difference, which has a sign: `a_minus_b.accuracy`."""
    return "minus" in _words(name)


def _words(name):
    return set(re.split(r"[._/]", name))


def say_number(value, *, share=False):
    """A number as people write it, to four significant places, without exponents.

    Args:
        value: int or float, or None where it is lacking.
        share: whether it is told in per cent.
    """
    if value is None:
        return "–"
    if share:
        return _sign(f"{value:.2%}")
    if isinstance(value, int) or abs(value) >= 1000:
        return _sign(f"{value:,.0f}")
    if 0 < abs(value) < 0.0001:
        return "< 0.0001" if value > 0 else "> −0.0001"
    return _sign(f"{value:.4g}")


def say_change(before, after, *, share=False):
    """A number before and after, once where that looks the same."""
    was, now = (say_number(value, share=share) for value in (before, after))
    return now if was == now else f"{was} → {now}"


def say_difference(difference, *, share=False):
    """A difference with its sign; that of shares in percentage points.

    Args:
        difference: after minus before, or None where one is lacking.
        share: whether it is of shares.
    """
    if not difference:
        return "" if difference is None else "0"
    if share:
        return _sign(f"{100 * difference:+.2f}")
    size = say_number(abs(difference))
    return "≈ 0" if size.startswith("<") else f"{'+' if difference > 0 else '−'}{size}"


def say_points(difference, *, share):
    """The same, with the word where it is in points."""
    said = say_difference(difference, share=share)
    return f"{said} points" if share and difference else said


def say_list(words):
    """Words with commas and an `and`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _sign(text):
    return text.replace("-", "−")
