"""How well a net reads images that are shifted, turned, noisy or blurred."""

import numpy as np
import pandas as pd

from imagesets.disturbances import disturb
from imagesets.splits import Split
from mnist_study.scores.uncertainty import wilson_interval

AMOUNTS = {  # by kind of disturbance, in its unit
    "shift": (1, 2, 3, 4),
    "rotation": (10, 20, 30, 40),
    "noise": (20, 40, 60, 80),
    "blur": (0.5, 1, 1.5, 2),
}
CASES = [(kind, amount) for kind, amounts in AMOUNTS.items() for amount in amounts]


def disturb_all(test, params):
    """Images drawn from a Split, as they are and then in each of CASES; params as of evaluate."""
    rng = np.random.default_rng(params.seed)
    drawn = rng.permutation(len(test))[: params.disturbed]
    x, y = test.x[drawn], test.y[drawn]
    seen = np.concatenate([x, *(disturb(x, *case, rng) for case in CASES)])
    return Split(seen, np.tile(y, 1 + len(CASES)), test.classes)


def score(answers, y, *, confidence):
    """Accuracy of each net on the same disturbed test images.

    Args:
        answers: net to classes, int (n,), of what disturb_all returned.
        y: its labels.
        confidence: of the Wilson intervals, in (0, 1).

    Returns:
        pandas.DataFrame, a row per net, kind and amount: net, kind, amount, images, accuracy, low
        and high. The amount 0 of each kind is undisturbed.
    """
    images, rows = len(y) // (1 + len(CASES)), []
    for net, said in answers.items():
        plain, *correct = (said == y).reshape(-1, images).sum(axis=1).tolist()
        right = dict(zip(CASES, correct, strict=True))
        for kind, amounts in AMOUNTS.items():
            for amount in (0, *amounts):
                count = right.get((kind, amount), plain)
                interval = wilson_interval(count, images, confidence=confidence)
                rows.append((net, kind, amount, images, count / images, *interval))
    columns = ["net", "kind", "amount", "images", "accuracy", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
