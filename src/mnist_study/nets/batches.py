"""The order in which images come, in batches."""

import numpy as np

NO_IMAGE = -1  # fills up a last batch


def in_batches(order, batch_size):
    """Put images into batches, the last of which is filled up.

    Args:
        order: int (n,), the images' numbers, as they are to come.
        batch_size: images in a batch.

    Returns:
        int32 (ceil(n / batch_size), batch_size): the numbers, and NO_IMAGE in the places left.
    """
    filled = np.full(-(-len(order) // batch_size) * batch_size, NO_IMAGE, np.int32)
    filled[: len(order)] = order
    return filled.reshape(-1, batch_size)
