"""Pictures as Pillow reads them, made alike: upright, grey or coloured, of one size."""

import io

from studykit.errors import UserError, one_line


def decode(content, where):
    """Decode a picture.

    Its orientation by EXIF is applied. Transparent pixels are laid on white, as a page shows them.
    16 bits of grey become 8. A palette of greys is grey.

    Args:
        content: bytes of a PNG, JPEG or another file that Pillow reads.
        where: it lies, for messages.

    Returns:
        PIL.Image.Image of mode L or RGB.

    Raises:
        UserError: it is none, or is broken.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(content)) as opened:
            opened.load()
            image = ImageOps.exif_transpose(opened)
    except Exception as error:  # decoders raise what they like at a file that is broken
        said = one_line(error).replace(" <_io.BytesIO object", "").partition(" at 0x")[0]
        raise UserError(f"{where}: expected a whole picture, received: {said:.200}") from None
    return _grey_or_colour(image, where)


def _grey_or_colour(image, where):
    from PIL import Image

    if image.mode.startswith("I;16"):
        import numpy as np

        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise UserError(f"{where}: expected 8 or 16 bits a pixel, received 32")
    if image.has_transparency_data:
        behind = Image.new("RGBA", image.size, "white")
        is_grey = image.mode in ("L", "LA", "La")
        laid = Image.alpha_composite(behind, image.convert("RGBA"))
        return laid.convert("L" if is_grey else "RGB")
    if image.mode == "P":
        image = image.convert("RGB")
        red, green, blue = (band.tobytes() for band in image.split())
        return image.getchannel(0) if red == green == blue else image
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def make_alike(image, *, size, colour, fit, where):
    """A picture as an array of a size.

    Args:
        image: of mode L or RGB.
        size: height and width.
        colour: whether it gets 3 channels, or has 1.
        fit: whether a picture of another size is scaled with its aspect kept (bicubic), centred,
            and padded with black; else it is refused.
        where: it lies, for messages.

    Returns:
        uint8 (height, width) or (height, width, 3).

    Raises:
        UserError: it is of another size.
    """
    import numpy as np

    if (image.height, image.width) != tuple(size):
        if not fit:
            raise UserError(
                f"{where}: expected a picture of {size[0]} × {size[1]} as the others, received "
                f"{image.height} × {image.width}; scale all to one size: "
                "dvc exp run -S data.sizes=fit"
            )
        from PIL import ImageOps

        image = ImageOps.pad(image, (size[1], size[0]))
    return np.asarray(image.convert("RGB") if colour else image)
