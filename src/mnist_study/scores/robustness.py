"""How well a net reads images that are shifted, turned, noisy or blurred."""

import numpy as np
import pandas as pd
from scipy import ndimage

from imagesets.splits import Split
from mnist_study.scores.prediction import predict
from mnist_study.scores.uncertainty import wilson_interval

AMOUNTS = {  # by kind of disturbance; that of 0 leaves an image as it is
    "shift": (1, 2, 3, 4),  # pixels, to one of the four sides
    "rotation": (10, 20, 30, 40),  # degrees, either way
    "noise": (20, 40, 60, 80),  # standard deviation of intensity, 0–255
    "blur": (0.5, 1, 1.5, 2),  # standard deviation of a Gaussian, pixels
}


def disturb(x, kind, amount, rng):
    """Disturb images; the ground that comes in from outside is black.

    Args:
        x: uint8 (n, height, width, channels).
        kind: one of AMOUNTS.
        amount: how much, in the unit of the kind.
        rng: numpy.random.Generator, of sides, directions and noise.

    Returns:
        uint8, of the same shape.
    """
    if kind == "noise":
        noisy = x + rng.normal(scale=amount, size=x.shape)
    elif kind == "blur":
        noisy = ndimage.gaussian_filter(x, (0, amount, amount, 0), output=float, mode="constant")
    else:
        noisy, way = np.empty(x.shape), rng.integers(4, size=len(x))
        for side, (axis, sign) in enumerate(((1, 1), (1, -1), (2, 1), (2, -1))):
            part = x[way == side].astype(float)
            if kind == "shift":
                moved = ndimage.shift(part, np.eye(4)[axis] * sign * amount, order=0)
            else:
                moved = ndimage.rotate(part, sign * amount, (1, 2), reshape=False, order=1)
            noisy[way == side] = moved
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


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
