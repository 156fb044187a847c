"""Labels: names of classes, or their numbers, as files have them."""

import numpy as np

from studykit.errors import UserError


def in_order(names):
    """Names of classes, sorted: those that are numbers by their value, before the others."""
    return sorted(
        names, key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)
    )


def class_names(labels):
    """Names of the classes that labels are of; numbers without gaps, as a class may be missing.

    Args:
        labels: (n,), integers or str.

    Returns:
        list of str.
    """
    found = np.unique(_alike(labels))
    if (
        found.dtype.kind in "iu"
        and len(found)
        and found[0] in (0, 1)
        and found[-1] <= 2 * len(found)
    ):
        return [str(number) for number in range(found[0], found[-1] + 1)]
    return in_order(str(label) for label in found)


def _alike(labels):
    """Labels that have an order: as words where they are neither all numbers nor all words."""
    return labels if labels.dtype.kind in "iufbSU" else labels.astype(str)


def number(labels, entry):
    """Labels by their place in the entry's classes.

    Args:
        labels: (n,): all of them names of classes, or all numbers of classes, from 0 on.
        entry: Entry.

    Returns:
        uint8 (n,), or uint16 beyond 256 classes.

    Raises:
        UserError: a label is of no class.
    """
    dtype = np.uint8 if len(entry.classes) <= 256 else np.uint16
    found, first, inverse = np.unique(_alike(labels), return_index=True, return_inverse=True)
    places = {name: place for place, name in enumerate(entry.classes)}
    numbers = [places.get(str(label), -1) for label in found.tolist()]
    if -1 in numbers and found.dtype.kind in "iu":
        numbers = [label if 0 <= label < len(entry.classes) else -1 for label in found.tolist()]
    if -1 in numbers:
        beyond = [place for place, at in enumerate(numbers) if at == -1]
        at = int(first[beyond].min())
        known = ", ".join(entry.classes[:10]) + (", …" if entry.classes[10:] else "")
        raise UserError(
            f"{entry.where('classes')}: expected labels of these {len(entry.classes)} classes "
            f"({known}) or their numbers from 0 on, received {labels[at]} at index {at}; name all "
            "classes there, or mend the labels"
        )
    return np.array(numbers, dtype)[inverse.reshape(-1)] if len(numbers) else np.empty(0, dtype)
