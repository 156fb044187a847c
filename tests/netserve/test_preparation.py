"""Pictures of all kinds become what a net has learned from: light on black, in place and size."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from netserve import pictures
from netserve.pictures import PictureError, open_picture
from netserve.preparation import Recipe, prepare

MNIST = Recipe((28, 28), box=20, centre="mass")


def encode(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def page(*boxes, size=(120, 160), paper=255, ink=0):
    """A page with rectangles: uint8 (height, width)."""
    found = np.full(size, paper, np.uint8)
    for top, bottom, left, right in boxes:
        found[top:bottom, left:right] = ink
    return found


def seven():
    """A bar with a stem at its right end: its mass is right of and above its middle."""
    return page((20, 30, 100, 130), (20, 80, 120, 130))


def prepared(array, kind="PNG", **options):
    return prepare(encode(Image.fromarray(array), kind, **options), MNIST)


def test_the_longer_side_has_twenty_pixels_and_the_aspect_is_kept():
    (image,) = prepared(page((30, 90, 40, 70)))
    rows, columns = (np.flatnonzero(image[..., 0].any(axis)) for axis in (1, 0))
    assert image.shape == (28, 28, 1)
    assert image.dtype == np.uint8
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (4, 23, 10, 19)
    assert (image[4:24, 10:20] == 255).all()


def test_the_centre_of_mass_lies_in_the_middle():
    (image,) = prepared(seven())
    drawn = image[..., 0].astype(float)
    row, column = (
        (drawn.sum(axis=1 - axis) * np.arange(28)).sum() / drawn.sum() for axis in (0, 1)
    )
    assert (row, column) == pytest.approx((14, 14), abs=0.5)
    rows = np.flatnonzero(drawn.any(1))
    assert rows[0] > 4  # the box as a whole is too low


def test_by_its_box_it_lies_in_the_middle():
    content = encode(Image.fromarray(seven()))
    (image,) = prepare(content, Recipe((8, 8), box=8, centre="box"))
    rows, columns = (np.flatnonzero(image[..., 0].any(axis)) for axis in (1, 0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (0, 7, 2, 5)


def test_without_a_box_the_whole_picture_is_scaled_and_padded():
    content = encode(Image.fromarray(page(size=(10, 20), paper=200)))
    (image,) = prepare(content, Recipe((28, 28)))
    assert (image[7:21] == 200).all()
    assert not image[:7].any()
    assert not image[21:].any()


def test_a_coloured_data_set_gets_three_channels():
    content = encode(Image.fromarray(np.full((4, 4, 3), (10, 20, 30), np.uint8)))
    assert (prepare(content, Recipe((2, 2), channels=3))[0] == (10, 20, 30)).all()


def rgba(ink):
    return np.dstack([np.full((*seven().shape, 3), ink, np.uint8), 255 - seven()])


def coloured(paper, ink):
    return np.where(seven()[..., None] > 0, np.uint8(paper), np.uint8(ink))


def uneven():
    light = np.linspace(0.3, 1, 160) * np.linspace(0.8, 1, 120)[:, None]
    return np.uint8(np.maximum(seven(), 20) * light)


def noisy():
    noise = np.random.default_rng(0).normal(0, 25, seven().shape)
    return np.uint8(np.clip(seven() * 0.8 + 20 + noise, 0, 255))


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (255 - seven(), "PNG"),
        (np.uint8(seven() // 4 + 90), "PNG"),
        (seven(), "JPEG"),
        (seven(), "WEBP"),
        (seven().astype(np.uint16) * 257, "PNG"),
        (seven().astype(np.uint16) * 10, "TIFF"),
        (seven().astype(np.float32), "TIFF"),
        (rgba(0), "PNG"),
        (rgba(255), "PNG"),
        (coloured((250, 230, 40), (20, 30, 200)), "PNG"),
        (coloured((0, 128, 0), (220, 60, 0)), "PNG"),
        (uneven(), "PNG"),
        (noisy(), "PNG"),
    ],
    ids=["light on dark", "little contrast", "JPEG", "WebP", "16 bits", "few of 16 bits", "floats",
         "dark, transparent", "light, transparent", "colours", "colours of like brightness",
         "uneven light", "noise"],
)  # fmt: skip
def test_whatever_the_picture_the_net_is_given_the_same(array, kind):
    (expected,) = prepared(seven())
    (image,) = prepared(array, kind)
    assert abs(image.astype(int) - expected).mean() < 6  # of 255


def test_a_palette_is_looked_up():
    image = Image.fromarray(seven()).convert("RGB").quantize(4)
    assert image.mode == "P"
    np.testing.assert_array_equal(prepare(encode(image), MNIST), prepared(seven()))


def test_the_orientation_by_exif_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90° clockwise
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(seven())))
    content = encode(turned, "JPEG", exif=exif, quality=95)
    assert abs(prepare(content, MNIST).astype(int) - prepared(seven())).mean() < 3
    deep = Image.fromarray(np.ascontiguousarray(np.rot90(seven()).astype(np.uint16) * 257))
    assert abs(prepare(encode(deep, exif=exif), MNIST).astype(int) - prepared(seven())).max() < 3


def test_a_large_picture_is_reduced_by_the_mean_of_areas():
    pixels = open_picture(encode(Image.fromarray(np.tile(np.uint8([[0, 100]]), (2000, 1024)))))
    assert pixels.shape == (1000, 1024, 3)
    assert (pixels == 50).all()


def test_several_objects_come_in_the_order_of_reading():
    heights = [40, 36, 32, 28]
    places = [(10, 20), (14, 90), (80, 22), (84, 94)]
    boxes = [(t, t + h, x, x + 20) for (t, x), h in zip(places, heights, strict=True)]
    images = prepared(page(*reversed(boxes)))
    widths = [np.flatnonzero(image[..., 0].any(0)).size for image in images]
    assert widths == [10, 11, 12, 14]  # of 20 × 20 / height


def test_specks_and_a_frame_are_no_objects():
    boxes = (30, 90, 40, 70), (10, 14, 120, 124), (100, 103, 10, 14)
    np.testing.assert_array_equal(prepared(page(*boxes)), prepared(page(boxes[0])))
    table = page((30, 90, 40, 70), (0, 120, 150, 160))
    np.testing.assert_array_equal(prepared(table), prepared(page(boxes[0])))


@pytest.mark.parametrize(
    "boxes",
    [
        [(20, 26, 60, 90), (30, 80, 58, 70)],  # above
        [(20, 28, 74, 100), (22, 80, 58, 70)],  # beside its top, as the bar of a 5
    ],
)
def test_parts_that_are_near_are_of_one_object(boxes):
    assert len(prepared(page(*boxes))) == 1


@pytest.mark.parametrize(
    "boxes",
    [
        [(20, 60, 40, 60), (20, 60, 66, 86)],  # side by side
        [(10, 50, 40, 60), (64, 104, 40, 60)],  # one row above another
        [(20, 60, 40, 60), (54, 62, 66, 86)],  # at its foot
    ],
)
def test_others_are_of_two(boxes):
    assert len(prepared(page(*boxes))) == 2


@pytest.mark.parametrize(
    "array",
    [
        page(),
        page(paper=0),
        np.uint8(np.linspace(100, 250, 160) * np.ones((120, 1))),
        np.uint8(np.random.default_rng(0).normal(128, 20, (120, 160)).clip(0, 255)),
        np.dstack([page()] * 3 + [page(paper=0)]),
        page(size=(1, 1)),
    ],
    ids=["white", "black", "a gradient", "noise", "transparent", "one pixel"],
)
def test_a_blank_picture_is_refused(array):
    with pytest.raises(PictureError, match=r"^expected something drawn, received a blank picture$"):
        prepared(array)


def bomb(width, height):
    """A PNG of a few bytes that says it is large."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1000))),
        (b"IEND", b""),
    ]
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "received an empty file"),
        (b"hello", "received another file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "received another file"),
        (encode(Image.fromarray(seven()))[:200], "expected a whole picture"),
        (bomb(8000, 7000), "expected a picture of at most 50,000,000 pixels, received 8,000 × 7,0"),
        (bomb(10_000, 10_000), "received 10,000 × 10,000; make it smaller"),
        (bomb(60_000, 60_000), "at most 50,000,000 pixels, received more than three times as many"),
    ],
    ids=["empty", "text", "PostScript", "cut off", "large", "larger", "a bomb"],
)
def test_what_is_no_picture_or_too_large_is_refused_in_a_line(content, said):
    with pytest.raises(PictureError) as refused:
        open_picture(content)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_of_too_many_bytes_is_refused(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_BYTES", 1 << 20)
    with pytest.raises(PictureError, match=r"at most 1 MiB, received 3 MiB$"):
        open_picture(bytes(3 << 20))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_intensity_that_is_no_number_is_refused(value):
    floats = seven().astype(np.float32)
    floats[3, 4] = value
    with pytest.raises(PictureError, match=rf"^expected intensities, received {value}$"):
        prepared(floats, "TIFF")


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, on metadata that are broken
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_broken_pictures_are_refused_or_read_and_nothing_else(kind):
    rng = np.random.default_rng(0)
    whole = bytearray(encode(Image.fromarray(seven()).resize((40, 30)), kind))
    for _ in range(25):
        broken = whole.copy()
        for at in rng.integers(len(broken), size=4):
            broken[at] = rng.integers(256)
        try:
            images = prepare(bytes(broken[: rng.integers(1, len(broken) + 1)]), MNIST)
        except PictureError:
            continue
        assert images.shape[1:] == (28, 28, 1)
