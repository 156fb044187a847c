"""How well a net reads images that are shifted, turned, noisy or blurred."""

import numpy as np
import pandas as pd

from imagesets.disturbances import disturb
from imagesets.splits import Split
from mnist_study.scores.prediction import predict
from mnist_study.scores.uncertainty import wilson_interval

AMOUNTS = {  # by kind of disturbance, in its unit
    "shift": (1, 2, 3, 4),
    "rotation": (10, 20, 30, 40),
    "noise": (20, 40, 60, 80),
    "blur": (0.5, 1, 1.5, 2),
}


def score(models, test, *, images, confidence, seed):
    """Accuracy of each net on the same disturbed test images.

    Args:
        models: net to keras.Sequential.
        test: Split.
        images: how many are drawn from it, at most.
        confidence: of the Wilson intervals, in (0, 1).
        seed: of the draw and the disturbances.

    Returns:
        pandas.DataFrame, a row per net, kind and amount: net, kind, amount, images, accuracy, low
        and high. The amount 0 of each kind is undisturbed.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(len(test))[:images]
    x, y = test.x[drawn], test.y[drawn]
    cases = [(kind, amount) for kind, amounts in AMOUNTS.items() for amount in amounts]
    seen = np.concatenate([x, *(disturb(x, *case, rng) for case in cases)])
    rows = []
    for net, model in models.items():
        answers = predict(model, Split(seen, np.tile(y, 1 + len(cases)), test.classes)).argmax(1)
        plain, *correct = (answers.reshape(-1, len(y)) == y).sum(axis=1).tolist()
        right = dict(zip(cases, correct, strict=True))
        for kind, amounts in AMOUNTS.items():
            for amount in (0, *amounts):
                count = right.get((kind, amount), plain)
                interval = wilson_interval(count, len(y), confidence=confidence)
                rows.append((net, kind, amount, len(y), count / len(y), *interval))
    columns = ["net", "kind", "amount", "images", "accuracy", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
