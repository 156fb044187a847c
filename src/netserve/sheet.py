"""Draw what nets were given, enlarged, with what they say below."""

from studykit.files import atomic_write

TILE = 112  # pixels of an image's longer side
LINE = 14  # pixels of a line of text
COLUMNS = 8
MOST = 400  # images


def write_sheet(path, images, places, by_object):
    """Write a picture of what nets were given.

    Args:
        path: of the PNG file.
        images: uint8 (height, width, channels) each; the first MOST are drawn.
        places: name of the picture and number of the object in it, of each.
        by_object: tuple of Answer, one a net, of each.
    """
    from PIL import Image, ImageDraw

    images = images[:MOST]
    lines = 1 + len(by_object[0])
    cell = TILE + 12, TILE + lines * LINE + 12
    columns = min(COLUMNS, len(images))
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * cell[0] + 12, rows * cell[1] + 12), "white")
    draw = ImageDraw.Draw(sheet)
    for at, (image, (name, number), answers) in enumerate(
        zip(images, places, by_object, strict=False)
    ):
        left, top = 12 + at % columns * cell[0], 12 + at // columns * cell[1]
        large = Image.fromarray(image.squeeze())
        scale = TILE / max(large.size)
        size = round(large.width * scale), round(large.height * scale)
        sheet.paste(large.resize(size, Image.Resampling.NEAREST), (left, top))
        texts = [f"{name[-14:]} {number}"]
        texts += [f"{each.net}: {each.label} {each.confidence:.0%}" for each in answers]
        for line, text in enumerate(texts):
            draw.text((left, top + TILE + 2 + line * LINE), text[:20], fill="black")
    with atomic_write(path) as beside:
        sheet.save(beside, "PNG")
