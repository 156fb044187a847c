"""What is drawn in a picture, object by object, in the order of reading."""

import numpy as np

SMALLEST = 0.35  # of the largest object's longer side; less is a speck
APART = 0.2  # of an object's height: parts that are nearer, one above another, are of one object
SMALL_PART = 0.5  # of that height: a part as low as this may be further away,
SMALL_APART = 0.35  # by so much
BAR_APART = (
    0.2  # of an object's longer side: a low part beside its top, as the bar of a 5, is nearer
)


def find_objects(mask):
    """Find the objects of a picture.

    Args:
        mask: bool (height, width), where it is drawn on.

    Returns:
        list of bool (height, width), an object each: by rows from the top, each from the left.
        Parts one above another are of one object where they are near. Specks are left out, and so
        are frames: what reaches from one edge of the picture to the opposite one, beside others.
    """
    from scipy.ndimage import find_objects as find_slices
    from scipy.ndimage import label

    labels, _ = label(mask, np.ones((3, 3)))
    parts = [_box(each) for each in find_slices(labels)]
    groups = _join([({number}, box) for number, box in enumerate(parts, start=1)])
    inside = [group for group in groups if not _is_frame(group[1], mask.shape)]
    groups = inside or groups
    largest = max((_side(box) for _, box in groups), default=0)
    kept = [(numbers, box) for numbers, box in groups if _side(box) >= SMALLEST * largest]
    return [np.isin(labels, list(numbers)) for numbers, _ in in_reading_order(kept)]


def in_reading_order(groups):
    """Sort pairs of anything and a box: by rows from the top, each row from the left."""
    rows: list[list] = []
    for group in sorted(groups, key=lambda group: group[1][0]):
        top, bottom = group[1][:2]
        row = rows[-1] if rows else None
        if row and min(bottom, row[0][1][1]) - max(top, row[0][1][0]) >= 0.5 * (bottom - top):
            row.append(group)
        else:
            rows.append([group])
    return [group for row in rows for group in sorted(row, key=lambda group: group[1][2])]


def _box(slices):
    """Top, bottom, left and right; bottom and right are behind the last pixel."""
    return slices[0].start, slices[0].stop, slices[1].start, slices[1].stop


def _side(box):
    return max(box[1] - box[0], box[3] - box[2])


def _is_frame(box, shape):
    across = box[2] <= 0 and box[3] >= shape[1]
    return across or (box[0] <= 0 and box[1] >= shape[0])


def _join(groups):
    """Join the parts of each object, the largest parts first."""
    groups = sorted(groups, key=lambda group: -_side(group[1]))[:500]
    joined: list[tuple] = []
    for numbers, box in groups:
        for place, (others, around) in enumerate(joined):
            if _belong_together(around, box):
                low, high = np.minimum(around, box), np.maximum(around, box)
                joined[place] = (others | numbers, (low[0], high[1], low[2], high[3]))
                break
        else:
            joined.append((numbers, box))
    return joined


def _belong_together(large, small):
    sizes = [(box[1] - box[0], box[3] - box[2]) for box in (large, small)]
    height, width = np.max(sizes, axis=0)
    below = max(large[0], small[0]) - min(large[1], small[1])  # how far one is below the other
    beside = max(large[2], small[2]) - min(large[3], small[3])
    is_small = sizes[1][0] <= SMALL_PART * height
    if -beside >= 0.5 * min(sizes[0][1], sizes[1][1]):
        return below <= (SMALL_APART if is_small else APART) * height
    is_at_the_top = small[0] + small[1] < 2 * large[0] + 0.7 * sizes[0][0]
    return is_small and is_at_the_top and max(below, beside) <= BAR_APART * max(height, width)
