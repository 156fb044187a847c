"""What is taken for what."""

import numpy as np

from mnist_study.data.mnist import NUM_CLASSES


def confusion(table):
    """Count images by what they are and what they are taken for.

    Args:
        table: pandas.DataFrame with label and prediction, a row per image.

    Returns:
        int64 (10, 10): by label (row) and prediction (column).
    """
    counts = np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64)
    np.add.at(counts, (table["label"].to_numpy(), table["prediction"].to_numpy()), 1)
    return counts
