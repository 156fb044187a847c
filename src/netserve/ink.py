"""How strongly each pixel of a picture is drawn on, whatever the ground, colours and light."""

from dataclasses import dataclass

import numpy as np

ROUNDS = 12  # of the fit of the ground
LEAST_CONTRAST = 12  # of 255; less is no drawing
LEAST_OVER_NOISE = 6  # standard deviations of the noise
DRAWN = 0.4  # share of the contrast from which on a pixel counts as drawn on


@dataclass(frozen=True)
class Ink:
    """What is drawn in a picture.

    Attributes:
        strength: float32 (height, width): 0 is ground, 1 is drawn on.
        mask: bool (height, width): where it is drawn on.
    """

    strength: np.ndarray
    mask: np.ndarray


def find_ink(pixels):
    """Tell what is drawn from its ground.

    The ground is a surface of second degree in each channel, which uneven light follows. What is
    drawn differs from it in one direction of colour: darker, lighter or of another hue.

    Args:
        pixels: float32 (height, width, 3), intensities 0–255.

    Returns:
        Ink; None where nothing is drawn: there is too little contrast, or no more than noise.
    """
    from scipy.ndimage import gaussian_filter

    difference = pixels - fit_ground(pixels)
    size = np.linalg.norm(difference, axis=2, keepdims=True)
    direction = (difference * size).sum((0, 1))
    direction /= max(float(np.linalg.norm(direction)), 1e-9)
    strength = (difference @ direction).astype(np.float32)
    noise = _noise(strength)
    blur = _blur(strength, noise)
    smooth = gaussian_filter(strength, blur) if blur else strength
    left = noise / max(1.0, 2 * np.sqrt(np.pi) * blur)  # of white noise, after the blur
    least = max(LEAST_CONTRAST, LEAST_OVER_NOISE * left)
    found = smooth[smooth > least]
    if not found.size:
        return None
    contrast = float(np.median(found[found >= found.mean()]))
    # The edges of areas are soft after the blur: the picture itself is sharper.
    soft = gaussian_filter(strength, blur / 2) if blur else strength
    return Ink(np.clip((soft / contrast - 0.15) / 0.7, 0, 1), smooth > DRAWN * contrast)


def fit_ground(pixels):
    """The picture's ground: what it would be with nothing drawn on it.

    A surface of second degree is fitted to each channel by least squares that are weighted anew in
    each round, so that what differs much, the drawing, hardly counts (Cauchy's weights). Pixels at
    the rim count more, since there is mostly ground.

    Args:
        pixels: float32 (height, width, 3).

    Returns:
        float32 (height, width, 3).
    """
    height, width = pixels.shape[:2]
    step = max(1, max(height, width) // 96)
    few = pixels[step // 2 :: step, step // 2 :: step].reshape(-1, 3).astype(np.float64)
    y, x = np.linspace(-1, 1, height), np.linspace(-1, 1, width)
    rows, columns = np.meshgrid(y[step // 2 :: step], x[step // 2 :: step], indexing="ij")
    rim = 1 + 4 * (np.maximum(abs(rows), abs(columns)).ravel() > 0.9)
    terms = _terms(rows.ravel(), columns.ravel())
    ground = np.broadcast_to(np.median(few[rim > 1], axis=0), few.shape)
    for _ in range(ROUNDS):
        away = np.linalg.norm(few - ground, axis=1)
        scale = max(1.5, 1.5 * float(np.median(away)))
        weighted = terms.T * (rim / (1 + (away / scale) ** 2))
        fitted = np.linalg.lstsq(weighted @ terms, weighted @ few, rcond=None)[0]
        ground = terms @ fitted
    every = _terms(*(axis.ravel() for axis in np.meshgrid(y, x, indexing="ij")))
    return (every @ fitted).reshape(height, width, 3).astype(np.float32)


def _terms(rows, columns):
    one = np.ones_like(rows)
    return np.stack([one, rows, columns, rows * rows, rows * columns, columns * columns], axis=1)


def _noise(strength):
    """Standard deviation of the noise: of differences of neighbours, most of which see no edge."""
    across = np.diff(strength, axis=1)
    return 1.4826 * float(np.median(abs(across))) / np.sqrt(2) if across.size else 0.0


def _blur(strength, noise):
    """How much to blur, in pixels: more in a noisy picture, and in a large one."""
    contrast = max(float(np.percentile(strength, 99.5)), 1.0)
    largest = max(strength.shape) / 200
    return min(largest, 12 * noise / contrast * largest) if largest > 0.4 else 0.0
