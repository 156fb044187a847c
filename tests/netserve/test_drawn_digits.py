"""The benchmark's pictures: readable fonts, and the same pictures for the same seed."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest

from benchmarks import drawn_digits, pictures
from netserve.preparation import Recipe, prepare

FONTS = Path(matplotlib.get_data_path(), "fonts/ttf")


@pytest.fixture(scope="module")
def fonts():
    return drawn_digits.find_fonts(FONTS)


def test_fonts_of_symbols_and_zeros_with_a_dot_are_left_out(fonts):
    names = {font.stem for font in fonts}
    assert {"DejaVuSans-Bold", "DejaVuSerif", "STIXGeneral", "cmr10", "cmss10"} <= names
    assert names.isdisjoint({"cmsy10", "cmex10", "LastResortHE-Regular", "STIXNonUni"})
    assert "DejaVuSansMono" not in names


@pytest.mark.parametrize("kind", drawn_digits.KINDS)
def test_pictures_follow_from_the_seed_and_show_one_digit(kind, fonts):
    def draw():
        return list(drawn_digits.pictures(kind, drawn_digits.by_fonts(fonts), count=10))

    drawn = draw()
    assert drawn == draw()
    assert [digit for _, digit in drawn] == list(range(10))
    assert [len(prepare(content, Recipe((28, 28), box=20))) for content, _ in drawn] == [1] * 10


def test_the_table_has_the_share_of_each_kind_and_of_all():
    import pandas as pd

    rows = [("plain", "resized", 1), ("plain", "prepared", 9), ("noise", "resized", 3)]
    rows += [("noise", "prepared", 10)]
    rows += [(kind, "resized, inverted", 5) for kind in ("plain", "noise")]
    frame = pd.DataFrame(
        {"source": "printed", "kind": kind, "net": "a", "way": way, "images": 10, "right": right}
        for kind, way, right in rows
    )
    lines = pictures.table(frame).splitlines()
    assert [cell.strip() for cell in lines[-3].strip("|").split("|")] == [
        "all", "20.0%", "50.0%", "95.0%",
    ]  # fmt: skip
    assert lines[-1] == "20 pictures, 10 of each kind."


def test_written_digits_keep_their_shape():
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 8:20] = 255
    shape = drawn_digits.written(image, 100)
    assert shape.shape == (100, pytest.approx(60, abs=3))
    assert shape.mean() > 0.9
