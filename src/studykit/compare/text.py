"""Figures made of characters: for a terminal, and for comments that can show no picture of ours.

They take the colour of the text around them, so a dark theme suits them as well as a light one.
"""

import numpy as np

BARS = "▁▂▃▄▅▆▇█"
BLANK = "\u2800"  # a braille character without dots: as wide as the others, whatever the font
INK = 96  # intensity, 0–255, from which a pixel is drawn
# Bit of each dot of a braille character, 4 rows × 2 columns. Source: Unicode, block U+2800.
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def draw_sparkline(values, low, high):
    """A bar for each value.

    Args:
        values: float (n,).
        low, high: values of the lowest and the highest bar.
    """
    scaled = (np.asarray(values, float) - low) / (high - low or 1)
    return "".join(BARS[round(level)] for level in np.clip(scaled, 0, 1) * (len(BARS) - 1))


def draw_braille(image):
    """A digit in braille, two by four pixels a character.

    Args:
        image: uint8 (28, 28).

    Returns:
        list of 6 lines of 12 characters; the border of two pixels is left out.
    """
    inked = image[2:-2, 2:-2] >= INK
    height, width = inked.shape
    cells = inked.reshape(height // 4, 4, width // 2, 2).transpose(0, 2, 1, 3)
    codes = 0x2800 + (cells * DOTS).sum(axis=(2, 3))
    return ["".join(map(chr, row)) for row in codes.tolist()]


def draw_braille_grid(images, captions, columns=6):
    """Digits side by side, a caption under each.

    Args:
        images: list of uint8 (28, 28).
        captions: list of str, as many.
        columns: digits in a row.
    """
    lines = []
    for start in range(0, len(images), columns):
        row = slice(start, start + columns)
        lines += ["  ".join(parts) for parts in zip(*map(draw_braille, images[row]), strict=True)]
        lines += ["  ".join(caption.ljust(12, BLANK) for caption in captions[row]), ""]
    return "\n".join(lines[:-1])
