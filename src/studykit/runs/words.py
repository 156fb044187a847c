"""Names, parameters, numbers and dates in few characters."""

import re
import time
from collections import Counter

from studykit.trials.names import spell

ELLIPSIS = "…"
LAST = {",", "=", "-"}  # where a common beginning of names may end


def say_number(value):
    """A number with four decimals, or, far from 1, with four significant ones."""
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0 or 0.001 <= abs(value) < 1000:
        return f"{value:.4f}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def say_interval(value, low, high):
    """A number and its interval, such as `0.9641 .9603–.9677`; without bounds, the number alone."""
    if low is None or high is None:
        return say_number(value)
    low, high = (_without_zero(say_number(bound)) for bound in (low, high))
    return f"{say_number(value)} {low}{' to ' if '−' in low + high else '–'}{high}"


def say_difference(difference, p_value):
    """A paired difference, its interval and p-value, such as `−0.0012 −.0030 to .0006 p=0.27`."""
    if difference is None:
        return ""
    said = f"{difference.mean:+.4f}".replace("-", "−")
    if difference.low is not None:
        low, high = (f"{bound:.4f}".replace("-", "−") for bound in difference[1:3])
        said += f" {_without_zero(low)} to {_without_zero(high)}"
    if p_value is None:
        return said
    return f"{said} {'p<0.001' if p_value < 0.001 else f'p={p_value:.2g}'}"


def say_time(seconds, now=None):
    """A time as `ls -l` does: the hour of today, else the day, else month and year.

    Args:
        seconds: since 1970; None for what has no time.
        now: likewise.
    """
    if seconds is None:
        return ""
    then, today = time.localtime(seconds), time.localtime(now)
    if then[:3] == today[:3]:
        return time.strftime("%H:%M", then)
    is_recent = then.tm_year == today.tm_year
    return time.strftime("%d %b" if is_recent else "%b %Y", then)


def shorten(text, width):
    """A text of at most that many characters, shortened in its middle."""
    if len(text) <= width:
        return text
    tail = width // 2
    return f"{text[: width - tail - 1]}{ELLIPSIS}{text[len(text) - tail :]}"


def common_beginning(names):
    """What all names begin with, up to the end of a word; empty for fewer than two."""
    names = sorted(set(names))
    if len(names) < 2:
        return ""
    first, last = names[0], names[-1]
    same = next(
        (i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b),
        min(len(first), len(last)),
    )
    while same and first[same - 1] not in LAST:
        same -= 1
    return first[:same]


def short_keys(keys):
    """Dotted keys by their last parts, as many as tell them apart.

    Returns:
        dict: key to its short form.
    """
    short: dict[str, str] = {}
    depth = 1
    left = list(dict.fromkeys(keys))
    while left:
        ends = {key: _end(key, depth) for key in left}
        counts = Counter(ends.values())
        done = {k: e for k, e in ends.items() if counts[e] == 1 or e == k}
        short |= done
        left = [key for key in left if key not in done]
        depth += 1
    return short


def _end(key, depth):
    """The last parts of a key; the whole of it where there are no more."""
    parts = re.split(r"[.:]", key)
    return key if depth >= len(parts) else key[-len(".".join(parts[-depth:])) :]


def say_params(params, names, seeds=()):
    """Parameters in a line: `units=20 seeds=1`.

    Args:
        params: value by dotted key.
        names: short form of each key.
        seeds: keys that are said together, where all are there with one value.
    """
    values = [params[key] for key in seeds if key in params]
    together = len(seeds) > 1 and len(values) == len(seeds) and len(set(map(spell, values))) == 1
    words = [
        f"{names.get(key, key)}={spell_briefly(value)}"
        for key, value in params.items()
        if not (together and key in seeds)
    ]
    return " ".join(words + ([f"seeds={spell(values[0])}"] if together else []))


def spell_briefly(value):
    """A value as overrides spell it, without quotes and blanks that nobody needs."""
    return value if isinstance(value, str) and value else spell(value).replace(", ", ",")


def _without_zero(text):
    return text.replace("0.", ".", 1) if text.lstrip("−").startswith("0.") else text
