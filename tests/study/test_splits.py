import zipfile

import numpy as np
import pytest

from imagesets import partition, splits
from imagesets.splits import Rows, Split
from studykit.errors import UserError

DIGITS = tuple("0123456789")


@pytest.fixture(scope="module")
def tagged():
    """60,000 images of one pixel pair each, which together say the image's number."""
    number = np.arange(60_000)
    x = np.stack([number // 256, number % 256], axis=1).astype(np.uint8).reshape(-1, 1, 2, 1)
    return Split(x, (number % 10).astype(np.uint8), DIGITS)


def numbers(split):
    pixels = split.x[:].reshape(-1, 2).astype(int)
    return pixels[:, 0] * 256 + pixels[:, 1]


def test_15_percent_of_60000_images_are_held_out(tagged):
    train, val = partition.split_train_val(tagged, val_fraction=0.15, seed=0)
    assert (len(train), len(val)) == (51_000, 9_000)
    assert train.x.shape == (51_000, 1, 2, 1)
    assert (train.x.dtype, train.y.dtype) == (np.uint8, np.uint8)
    assert train.classes == val.classes == DIGITS


def test_the_splits_are_disjoint_and_complete(tagged):
    train, val = partition.split_train_val(tagged, val_fraction=0.15, seed=0)
    both = np.concatenate([numbers(train), numbers(val)])
    assert sorted(both.tolist()) == list(range(60_000))


def test_each_image_keeps_its_label(tagged):
    for split in partition.split_train_val(tagged, val_fraction=0.15, seed=0):
        assert np.array_equal(split.y, numbers(split) % 10)


def test_both_splits_are_shuffled(tagged):
    for split in partition.split_train_val(tagged, val_fraction=0.15, seed=0):
        assert abs(np.corrcoef(np.arange(len(split)), numbers(split))[0, 1]) < 0.05


def test_the_same_seed_gives_the_same_splits(tagged):
    first = partition.split_train_val(tagged, val_fraction=0.15, seed=7)
    second = partition.split_train_val(tagged, val_fraction=0.15, seed=7)
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(numbers(one), numbers(other))


def test_another_seed_gives_other_splits(tagged):
    _, first = partition.split_train_val(tagged, val_fraction=0.15, seed=7)
    _, second = partition.split_train_val(tagged, val_fraction=0.15, seed=8)
    shared = len(set(numbers(first).tolist()) & set(numbers(second).tolist()))
    assert 1200 < shared < 1500  # by chance 15 % of 9,000, 1,350


@pytest.mark.parametrize(("val_fraction", "num_images"), [(0.04, 10), (0.96, 10), (0.5, 1)])
def test_a_split_that_would_be_empty_is_refused(tagged, val_fraction, num_images):
    data = Split(tagged.x[:num_images], tagged.y[:num_images], DIGITS)
    with pytest.raises(UserError) as error:
        partition.split_train_val(data, val_fraction=val_fraction, seed=0)
    assert str(error.value) == (
        "params.yaml: preprocess.val_fraction: expected a share that leaves images for training "
        f"and for validation, received {val_fraction} of {num_images} images"
    )


def test_images_without_labels_are_refused():
    with pytest.raises(ValueError, match=r"^expected a label for each of 3 images, got 2$"):
        Split(np.zeros((3, 28, 28, 1), np.uint8), np.zeros(2, np.uint8))


def test_a_split_is_described_by_counts_mean_and_standard_deviation():
    # Two black images, one white, one of intensity 51: mean 306 / 4, variance
    # (2 · 76.5² + 178.5² + 25.5²) / 4.
    x = np.zeros((4, 28, 28, 1), np.uint8)
    x[2], x[3] = 255, 51
    described = partition.describe(Split(x, np.array([3, 3, 0, 9], np.uint8), DIGITS))
    assert described["images"] == 4
    assert described["intensity_mean"] == 76.5
    assert described["intensity_std"] == pytest.approx(11_054.25**0.5, rel=1e-14)
    assert described["images_per_class"] == {
        "0": 1,
        "1": 0,
        "2": 0,
        "3": 2,
        "4": 0,
        "5": 0,
        "6": 0,
        "7": 0,
        "8": 0,
        "9": 1,
    }


def test_a_description_does_not_depend_on_the_images_order(tiny_train):
    turned = Split(tiny_train.x[::-1], tiny_train.y[::-1], DIGITS)
    assert partition.describe(turned) == partition.describe(tiny_train)


def test_a_saved_split_is_read_back_exactly(tiny_train, tmp_path):
    splits.save(tmp_path / "new" / "train.npz", tiny_train)
    loaded = splits.load(tmp_path / "new" / "train.npz")
    assert (loaded.x.dtype, loaded.y.dtype) == (np.uint8, np.uint8)
    assert np.array_equal(loaded.x, tiny_train.x)
    assert np.array_equal(loaded.y, tiny_train.y)
    assert loaded.classes == DIGITS
    assert len(loaded) == 600


def test_the_same_split_is_saved_as_the_same_bytes(tiny_train, tmp_path):
    splits.save(tmp_path / "first.npz", tiny_train)
    copy = Split(tiny_train.x.copy(), tiny_train.y.copy(), DIGITS)
    splits.save(tmp_path / "second.npz", copy)
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()


def test_a_saved_split_holds_no_time(tiny_train, tmp_path):
    splits.save(tmp_path / "train.npz", tiny_train)
    with zipfile.ZipFile(tmp_path / "train.npz") as archive:
        times = {entry.filename: entry.date_time for entry in archive.infolist()}
    earliest = (1980, 1, 1, 0, 0, 0)
    assert times == dict.fromkeys(("x.npy", "y.npy", "classes.npy"), earliest)


@pytest.fixture
def colour():
    """Seven images of 2 × 3 pixels in colour, of three classes, one of which has no image."""
    x = np.random.default_rng(0).integers(0, 256, (7, 2, 3, 3), dtype=np.uint8)
    return Split(x, np.array([2, 0, 0, 2, 0, 0, 2], np.uint8), ("Café", "none", "a, b"))


def test_a_split_says_what_shape_its_images_have_and_how_many_classes_there_are(colour):
    assert colour.image_shape == (2, 3, 3)
    assert colour.num_classes == 3  # also the one without an image
    assert partition.take(colour, np.array([1])).image_shape == (2, 3, 3)
    assert partition.take(colour, np.array([1])).num_classes == 3


def test_rows_of_rows_are_rows_of_the_array():
    array = np.arange(20).reshape(10, 2)
    rows = Rows.of(Rows.of(array, np.array([7, 3, 5, 1])), np.array([2, 0]))
    assert rows[:].tolist() == [[10, 11], [14, 15]]
    assert rows[1].tolist() == [14, 15]
    assert (len(rows), rows.shape, rows.dtype) == (2, (2, 2), array.dtype)


def test_images_that_are_taken_stay_where_they_are(colour):
    """So that data are never in memory twice."""
    part = partition.take(colour, np.array([4, 6]))
    colour.x[4] = 99
    assert part.x[0].tolist() == np.full((2, 3, 3), 99).tolist()


def test_what_was_taken_is_saved_as_the_array_would_be(colour, tmp_path, monkeypatch):
    monkeypatch.setattr("studykit.files.ROWS_AT_ONCE", 2)  # so that there are several blocks
    rows = np.array([6, 0, 3, 2, 5])
    splits.save(tmp_path / "rows.npz", partition.take(colour, rows))
    splits.save(tmp_path / "array.npz", Split(colour.x[rows], colour.y[rows], colour.classes))
    assert (tmp_path / "rows.npz").read_bytes() == (tmp_path / "array.npz").read_bytes()
    loaded = splits.load(tmp_path / "rows.npz")
    assert np.array_equal(loaded.x, colour.x[rows])
    assert loaded.y.tolist() == [2, 2, 2, 0, 0]
    assert loaded.classes == ("Café", "none", "a, b")


def test_labels_beyond_256_classes_are_saved_and_read_back(tmp_path):
    classes = tuple(f"class {number}" for number in range(300))
    split = Split(np.zeros((2, 1, 1, 1), np.uint8), np.array([299, 256], np.uint16), classes)
    splits.save(tmp_path / "train.npz", split)
    loaded = splits.load(tmp_path / "train.npz")
    assert (loaded.y.tolist(), loaded.y.dtype, loaded.num_classes) == ([299, 256], np.uint16, 300)


def test_what_was_taken_is_described_as_the_array_would_be(colour, monkeypatch):
    monkeypatch.setattr(partition, "BLOCK", 3)  # so that there are several blocks
    rows = np.array([6, 0, 3, 2, 5])
    described = partition.describe(partition.take(colour, rows))
    x = colour.x[rows].astype(float)
    assert described["intensity_mean"] == pytest.approx(x.mean(), rel=1e-14)
    assert described["intensity_std"] == pytest.approx(x.std(), rel=1e-14)
    assert described["images_per_class"] == {"Café": 2, "none": 0, "a, b": 3}


def test_classes_without_an_image_are_counted_as_none(colour):
    described = partition.describe(Split(colour.x[1:3], colour.y[1:3], colour.classes))
    assert described["images_per_class"] == {"Café": 2, "none": 0, "a, b": 0}


def test_the_first_images_of_each_class_are_shown_and_black_ones_where_there_are_fewer(colour):
    first = partition.first_of_each_class(colour, 4)
    assert (first.shape, first.dtype) == ((3, 4, 2, 3, 3), np.uint8)
    assert np.array_equal(first[0], colour.x[[1, 2, 4, 5]])
    assert not first[1].any()
    assert np.array_equal(first[2, :3], colour.x[[0, 3, 6]])
    assert not first[2, 3].any()
