import io

import numpy as np
import pytest
from PIL import Image

from imagesets.sizes import decode, make_alike
from studykit.errors import UserError
from tests.imagesets.making import picture


def encode(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def pixels(content):
    return np.asarray(decode(content, "here"))


def test_a_grey_picture_has_one_channel_and_its_intensities():
    assert pixels(picture(7, (2, 3))).tolist() == [[7, 7, 7], [7, 7, 7]]


def test_a_coloured_picture_has_three_channels():
    assert pixels(picture((1, 2, 3), (1, 2))).tolist() == [[[1, 2, 3], [1, 2, 3]]]


def test_a_jpeg_is_read():
    assert pixels(picture(128, (8, 8), "JPEG", quality=95)).tolist() == [[128] * 8] * 8


def test_the_orientation_by_exif_is_applied():
    image = Image.fromarray(np.array([[1, 2, 3]], np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the row at the top is shown as the column at the right
    assert pixels(encode(image, exif=exif)).tolist() == [[1], [2], [3]]


def test_transparent_pixels_are_white():
    image = Image.fromarray(np.array([[[10, 20, 30, 255], [10, 20, 30, 0]]], np.uint8))
    assert pixels(encode(image)).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_a_grey_picture_with_transparency_stays_grey():
    image = Image.fromarray(np.array([[[10, 255], [10, 0]]], np.uint8))
    assert pixels(encode(image)).tolist() == [[10, 255]]


@pytest.mark.parametrize(
    ("palette", "read"),
    [([0, 0, 0, 9, 9, 9], [[9, 0]]), ([0, 0, 0, 9, 8, 7], [[[9, 8, 7], [0, 0, 0]]])],
    ids=["greys", "colours"],
)
def test_a_palette_of_greys_is_grey_and_another_is_colour(palette, read):
    image = Image.fromarray(np.array([[1, 0]], np.uint8)).convert("L")
    image = Image.frombytes("P", (2, 1), image.tobytes())
    image.putpalette(palette)
    assert pixels(encode(image)).tolist() == read


def test_black_and_white_becomes_0_and_255():
    image = Image.fromarray(np.array([[True, False]]))
    assert pixels(encode(image)).tolist() == [[255, 0]]


def test_16_bits_of_grey_become_8():
    image = Image.fromarray(np.array([[0x1234, 0xFFFF]], np.uint16))
    assert pixels(encode(image)).tolist() == [[0x12, 0xFF]]


@pytest.mark.parametrize("content", [b"", b"no picture", picture(7)[:50]])
def test_what_is_no_whole_picture_is_refused_in_a_line(content):
    with pytest.raises(UserError, match=r"^here: expected a whole picture, received: [^\n]+$"):
        decode(content, "here")


def alike(image, **options):
    given = {"size": (4, 4), "colour": False, "fit": False, "where": "here"} | options
    return make_alike(decode(image, "here"), **given)


def test_a_picture_of_another_size_is_refused_with_the_parameter_that_fits_it():
    with pytest.raises(UserError) as error:
        alike(picture(7, (2, 4)))
    assert str(error.value) == (
        "here: expected a picture of 4 × 4 as the others, received 2 × 4; scale all to one size: "
        "dvc exp run -S data.sizes=fit"
    )


def test_a_fitted_picture_keeps_its_aspect_in_the_middle_of_black():
    wide = alike(picture(200, (2, 4)), fit=True)
    assert wide.tolist() == [[0] * 4, [200] * 4, [200] * 4, [0] * 4]


def test_a_fitted_picture_is_scaled_down_or_up():
    assert alike(picture(200, (8, 8)), fit=True).tolist() == [[200] * 4] * 4
    assert alike(picture(200, (2, 2)), fit=True).tolist() == [[200] * 4] * 4


def test_a_grey_picture_among_coloured_ones_gets_three_channels():
    assert alike(picture(9, (1, 1)), size=(1, 1), colour=True).tolist() == [[[9, 9, 9]]]
