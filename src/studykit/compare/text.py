"""Figures made of characters: for a terminal, and for comments that can show no picture of ours.

They take the colour of the text around them, so a dark theme suits them as well as a light one.
"""

import numpy as np

BARS = "▁▂▃▄▅▆▇█"
BLANK = "\u2800"  # a braille character without dots: as wide as the others, whatever the font
INK = 96  # intensity, 0–255, from which a pixel is drawn
MOST_BARS = 24
WIDEST = 100  # characters of a line
LARGEST = 32  # pixels of a drawing's longer side; larger images are made smaller
# Bit of each dot of a braille character, 4 rows × 2 columns. Source: Unicode, block U+2800.
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def draw_sparkline(values, low, high):
    """A bar for each value, or, of more than MOST_BARS, for the mean of each of so many parts.

    Args:
        values: float (n,).
        low, high: values of the lowest and the highest bar.
    """
    values = np.asarray(values, float)
    if len(values) > MOST_BARS:
        values = np.array([part.mean() for part in np.array_split(values, MOST_BARS)])
    scaled = (values - low) / (high - low or 1)
    return "".join(BARS[round(level)] for level in np.clip(scaled, 0, 1) * (len(BARS) - 1))


def draw_braille(image):
    """An image in braille, two by four pixels a character.

    Args:
        image: uint8 (height, width).

    Returns:
        list of lines, all of one length.
    """
    inked = np.asarray(_shrink(image) >= INK)
    inked = np.pad(inked, [(0, -inked.shape[0] % 4), (0, -inked.shape[1] % 2)])
    height, width = inked.shape
    cells = inked.reshape(height // 4, 4, width // 2, 2).transpose(0, 2, 1, 3)
    codes = 0x2800 + (cells * DOTS).sum(axis=(2, 3))
    return ["".join(map(chr, row)) for row in codes.tolist()]


def draw_braille_grid(images, captions):
    """Images side by side, a caption under each.

    Args:
        images: list of uint8 (height, width), all of one shape.
        captions: list of str, as many.
    """
    drawn = [draw_braille(image) for image in images]
    width = max(len(line) for line in (*captions, *(lines[0] for lines in drawn)))
    columns = max(1, (WIDEST + 2) // (width + 2))
    lines = []
    for start in range(0, len(images), columns):
        row = slice(start, start + columns)
        for parts in (*zip(*drawn[row], strict=True), captions[row]):
            lines.append("  ".join(part.ljust(width, BLANK) for part in parts))
        lines.append("")
    return "\n".join(lines[:-1])


def _shrink(image):
    """The means of square blocks of pixels, so that the longer side is LARGEST at most."""
    size = -(-max(image.shape) // LARGEST)
    height, width = (length // size for length in image.shape)
    blocks = image[: height * size, : width * size].reshape(height, size, width, size)
    return blocks.mean(axis=(1, 3))
