"""What nets say of an image, with what is known of how often such answers are right."""

import warnings
from dataclasses import dataclass

import numpy as np

from studykit.errors import UserError, one_line

NEIGHBOURS = 200  # answers on test images that a net was about as sure of
SURE = 0.95  # answers of which a smaller share is right are only probable


@dataclass(frozen=True)
class Answer:
    """What one net says of one image.

    Attributes:
        net: its name.
        label: the class that it finds most probable.
        confidence: the probability of that class.
        second: the runner-up, and its probability: second_confidence.
        right: share of about as sure answers on test images that are right, or the confidence
            where there is no table of them.
        counted: how many answers that share is of, or 0.
    """

    net: str
    label: str
    confidence: float
    second: str
    second_confidence: float
    right: float
    counted: int

    @property
    def is_sure(self):
        """Whether such answers are hardly ever wrong."""
        return self.right >= SURE


def ask(known, images):
    """Ask a net.

    Args:
        known: Known.
        images: uint8 (n, height, width, channels).

    Returns:
        list of Answer, one an image.
    """
    found = known.net.probabilities(images)
    order = np.argsort(-found, axis=1, kind="stable")
    table = read_table(known.predictions)
    answers = []
    for row, (first, second) in zip(found, order[:, :2], strict=True):
        confidence = float(row[first])
        right, counted = share_right(table, confidence)
        names = known.classes[first], known.classes[second]
        answers.append(
            Answer(known.name, names[0], confidence, names[1], float(row[second]), right, counted)
        )
    return answers


def read_table(path):
    """Confidence of each answer on test images, ascending, and whether it is right; or None.

    Raises:
        UserError: the file is no such table.
    """
    if path is None:
        return None
    try:
        with warnings.catch_warnings(action="ignore"):  # of an empty file
            label, prediction, confidence = np.loadtxt(
                path, delimiter=",", skiprows=1, usecols=(0, 1, 2), unpack=True, ndmin=2
            )
        if not confidence.size:
            raise ValueError("it has no rows")
    except ValueError as error:
        raise UserError(
            f"{path}: expected a table of label, prediction and confidence: {one_line(error)[:200]}"
        ) from None
    order = np.argsort(confidence, kind="stable")
    return confidence[order], (label == prediction)[order]


def share_right(table, confidence):
    """How often answers are right that are about as sure as this one.

    Args:
        table: what read_table returned.
        confidence: of the answer.

    Returns:
        The share among the NEIGHBOURS answers nearest by confidence, and how many these are; the
        confidence and 0 where there is no table.
    """
    if table is None:
        return confidence, 0
    sorted_confidence, right = table
    count = min(NEIGHBOURS, len(right))
    at = int(np.searchsorted(sorted_confidence, confidence)) - count // 2
    first = min(max(at, 0), len(right) - count)
    return float(right[first : first + count].mean()), count


def in_words(answers):
    """One sentence on the nets' answers to one image: which, and whether to trust it.

    Args:
        answers: list of Answer, one a net.
    """
    labels = list(dict.fromkeys(answer.label for answer in answers))
    unsure = [answer for answer in answers if not answer.is_sure]
    if len(labels) > 1:
        said = ", ".join(f"{answer.net} {answer.label}" for answer in answers)
        return f"not clear: the nets disagree ({said})"
    if not unsure:
        return labels[0]
    reasons = ", ".join(
        f"{answer.net} reads {answer.right:.0%} of test images right that it is as sure of"
        if answer.counted
        else f"{answer.net} gives it {answer.confidence:.0%}"
        for answer in unsure
    )
    return f"probably {labels[0]}: {reasons}"
