"""Digits as somebody might photograph them: printed by a font or written by hand, and distorted.

All of it follows from a seed, the fonts that are found, and MNIST's test images. A font counts if
its ten digits are of one piece with the holes that handwritten ones have: a zero with a dot,
symbols and boxes in place of missing glyphs are not.
"""

import io
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, label

HEIGHT, WIDTH = 300, 400  # pixels
HOLES = {0: {1}, 1: {0}, 2: {0}, 3: {0}, 4: {0, 1}, 5: {0}, 6: {1}, 7: {0}, 8: {2}, 9: {1}}
DEBIAN = Path("/usr/share/fonts")


def find_fonts(*folders):
    """Fonts whose digits can be read: of the folders, by default matplotlib's own and Debian's.

    Returns:
        list of Path, by name; a font that several folders have counts once.
    """
    folders = folders or (_of_matplotlib(), DEBIAN)
    found = {path.name: path for folder in folders for path in sorted(folder.rglob("*.[to]tf"))}
    return [found[name] for name in sorted(found) if is_readable(found[name])]


def is_readable(path):
    """Whether a font's digits are of one piece, with the holes of handwritten digits."""
    try:
        return all(_is_readable(path, digit) for digit in range(10))
    except OSError:  # a font of another kind
        return False


def _of_matplotlib():
    import matplotlib

    return Path(matplotlib.get_data_path(), "fonts/ttf")


def _is_readable(path, digit):
    ink = np.pad(printed(path, digit, 120) > 0.5, 1)
    return label(ink)[1] == 1 and label(~ink)[1] - 1 in HOLES[digit]


@cache
def printed(path, digit, height):
    """A digit of a font, float32 (height, …): 0 is ground, 1 is ink."""
    font = ImageFont.truetype(str(path), 2 * height)
    image = Image.new("L", (4 * height, 4 * height))
    ImageDraw.Draw(image).text((height, height), str(digit), fill=255, font=font)
    return _cut(np.asarray(image, np.float32) / 255, height)


def written(image, height):
    """An image of MNIST, enlarged: float32 (height, …)."""
    large = Image.fromarray(image).resize((20 * 28, 20 * 28), Image.Resampling.BICUBIC)
    smooth = gaussian_filter(np.asarray(large, np.float32) / 255, 6)
    return _cut(np.clip((smooth - 0.3) / 0.2, 0, 1), height)


def _cut(ink, height):
    rows, columns = (np.flatnonzero((ink > 0.5).any(axis)) for axis in (1, 0))
    if not len(rows):
        raise OSError("nothing drawn")
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    width = max(1, round(height * cut.shape[1] / cut.shape[0]))
    return np.asarray(Image.fromarray(cut).resize((width, height), Image.Resampling.BICUBIC))


def on_paper(shape, rng, *, degrees=0.0, margin=0.08):
    """A digit somewhere on paper: float32 (HEIGHT, WIDTH), 0 is paper, 1 is ink."""
    image = Image.fromarray(np.clip(shape, 0, 1))
    image = image.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    free = HEIGHT - image.height, WIDTH - image.width
    top, left = (int(rng.uniform(margin * space, (1 - margin) * space)) for space in free)
    paper = np.zeros((HEIGHT, WIDTH), np.float32)
    paper[top : top + image.height, left : left + image.width] = np.asarray(image)
    return np.clip(paper, 0, 1)


def grey(ink, *, paper=255.0, pen=30.0):
    return paper + (pen - paper) * ink


def plain(shape, rng):
    return encode(grey(on_paper(shape, rng, margin=0.45)))


def off_centre(shape, rng):
    return encode(grey(on_paper(shape, rng, margin=0.02)))


def rotated(shape, rng):
    return encode(grey(on_paper(shape, rng, degrees=float(rng.uniform(-12, 12)))))


def noisy(shape, rng):
    page = grey(on_paper(shape, rng), paper=225)
    return encode(page + rng.normal(0, rng.uniform(10, 30), page.shape))


def unevenly_lit(shape, rng):
    page = grey(on_paper(shape, rng), paper=245, pen=40)
    y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
    angle, darkest = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.6)
    slope = (np.cos(angle) * x + np.sin(angle) * y) / np.sqrt(2)
    light = darkest + (1 - darkest) * (slope + 1) / 2
    return encode(page * light * (1 - 0.15 * (x * x + y * y) / 2))


def inverted(shape, rng):
    return encode(grey(on_paper(shape, rng), paper=20, pen=235))


def jpeg(shape, rng):
    return encode(grey(on_paper(shape, rng)), quality=int(rng.integers(5, 20)))


def transparent(shape, rng):
    """Ink on nothing: dark, or light as for a dark page."""
    ink = on_paper(shape, rng)
    level = 20 if rng.random() < 0.5 else 240
    pixels = np.stack([np.full_like(ink, level)] * 3 + [255 * ink], axis=2)
    return encode(pixels, "PNG")


def coloured(shape, rng):
    """Two colours that differ by at least 100 of 255 in brightness, either on the other."""
    ink = on_paper(shape, rng)[..., None]
    paper, pen = np.zeros(3), np.zeros(3)
    while abs((paper - pen) @ (0.299, 0.587, 0.114)) < 100:
        paper, pen = rng.uniform(0, 255, (2, 3))
    return encode(paper + (pen - paper) * ink)


KINDS = {
    "plain": plain,
    "off-centre": off_centre,
    "rotated by up to 12°": rotated,
    "noise": noisy,
    "uneven light": unevenly_lit,
    "light on dark": inverted,
    "JPEG of quality 5 to 19": jpeg,
    "transparent": transparent,
    "coloured": coloured,
}


def encode(pixels, kind="JPEG", **options):
    """Bytes of a picture file, of intensities 0–255."""
    image = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    file = io.BytesIO()
    image.save(file, kind, **({"quality": 85} | options if kind == "JPEG" else options))
    return file.getvalue()


def pictures(kind, sources, *, count, seed=0):
    """Pictures of a kind.

    Args:
        kind: one of KINDS.
        sources: function from a digit, a height and a generator to a shape, float32.
        count: of the pictures: each digit as often as any other.
        seed: of the generator; with the kind's name.

    Yields:
        Bytes of a picture, and its digit.
    """
    rng = np.random.default_rng([seed, *kind.encode()])
    for number in range(count):
        digit = number % 10
        yield KINDS[kind](sources(digit, int(rng.integers(90, 200)), rng), rng), digit


def by_fonts(fonts):
    """Shapes printed by fonts, as `pictures` takes them."""
    return lambda digit, height, rng: printed(fonts[rng.integers(len(fonts))], digit, height)


def by_hand(images, labels):
    """Shapes of MNIST's images, as `pictures` takes them.

    Args:
        images: uint8 (n, 28, 28).
        labels: (n,), digits.
    """
    rows = [np.flatnonzero(labels == digit) for digit in range(10)]
    return lambda digit, height, rng: written(images[rng.choice(rows[digit])], height)
