"""Pictures from anywhere, opened with bounded memory: upright, in colour, without transparency."""

import io
import warnings

import numpy as np

MOST_BYTES = 64 * 2**20  # of a file
MOST_PIXELS = 50_000_000  # of a picture, before it is reduced
WORKING_SIZE = 1024  # pixels of the longer side that is worked with
ORIENTATION = 0x0112  # EXIF's tag
# What Pillow decodes by itself: another format could start another program.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")


class PictureError(ValueError):
    """A picture that is not to be read: what was expected and received, in a line."""


def open_picture(content):
    """Decode a picture that nobody vouches for.

    It is turned upright by its EXIF data and reduced, by the mean of areas, to a longer side of
    at most WORKING_SIZE pixels. What is transparent becomes white, or black where what is drawn is
    light.

    Args:
        content: bytes of a file in one of FORMATS; of several frames the first counts.

    Returns:
        float32 (height, width, 3): intensities 0–255.

    Raises:
        PictureError: it is none, is broken or too large.
    """
    from PIL import Image, ImageOps

    if len(content) > MOST_BYTES:
        raise PictureError(
            f"expected a picture of at most {MOST_BYTES >> 20} MiB, received "
            f"{len(content) / 2**20:.0f} MiB"
        )
    try:
        with _open(content) as image:
            if image.format == "JPEG":
                image.draft(None, (2 * WORKING_SIZE, 2 * WORKING_SIZE))
            image.load()
            return _without_transparency(ImageOps.exif_transpose(_reduce(image)))
    except PictureError:
        raise
    except Image.DecompressionBombError:  # Pillow's own limit is higher
        raise PictureError(
            f"expected a picture of at most {MOST_PIXELS:,} pixels, received more than three times "
            "as many; make it smaller"
        ) from None
    except Image.UnidentifiedImageError:
        received = "an empty file" if not content else "another file"
        raise PictureError(
            f"expected a picture ({', '.join(FORMATS)}), received {received}"
        ) from None
    except Exception as error:  # decoders raise what they like at a file that is broken
        said = " ".join(str(error).split()).partition(" <_io")[0] or type(error).__name__
        raise PictureError(f"expected a whole picture, received: {said:.200}") from None


def _open(content):
    """A picture that is not decoded yet, of at most MOST_PIXELS."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise PictureError(
            f"expected a picture of at most {MOST_PIXELS:,} pixels, received {width:,} × "
            f"{height:,}; make it smaller"
        )
    return image


def _reduce(image):
    """A smaller picture, of a mode whose values can be averaged."""
    from PIL import Image

    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.array(image, np.float32)
        if wrong := values[~np.isfinite(values)].tolist():
            raise PictureError(f"expected intensities, received {wrong[0]}")
        values *= 255 / max(float(values.max(initial=0)), 1e-9)
        orientation = image.getexif().get(ORIENTATION)
        image = Image.fromarray(np.clip(values, 0, 255, out=values))
        image.getexif()[ORIENTATION] = orientation or 1
    else:
        mode = "RGBA" if image.has_transparency_data else "RGB"
        image = image if image.mode == mode else image.convert(mode)
    image.thumbnail((WORKING_SIZE, WORKING_SIZE), Image.Resampling.BOX, reducing_gap=None)
    return image


def _without_transparency(image):
    pixels = np.asarray(image, np.float32)
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    if pixels.shape[2] == 3:
        return pixels
    colour, alpha = pixels[..., :3], pixels[..., 3:] / 255
    mean = (colour * alpha).sum() / max(3 * float(alpha.sum()), 1e-9)
    return colour * alpha + (1 - alpha) * (255.0 if mean < 128 else 0.0)
