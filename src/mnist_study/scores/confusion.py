"""What is taken for what."""

import numpy as np


def confusion(table, num_classes):
    """Count images by what they are and what they are taken for.

    Args:
        table: pandas.DataFrame with label and prediction, a row per image.
        num_classes: labels are below it.

    Returns:
        int64 (num_classes, num_classes): by label (row) and prediction (column).
    """
    counts = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(counts, (table["label"].to_numpy(), table["prediction"].to_numpy()), 1)
    return counts
