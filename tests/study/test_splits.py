import zipfile

import numpy as np
import pytest

from imagesets import partition, splits
from imagesets.splits import Split
from studykit.errors import UserError

CLASSES = tuple("0123456789")


@pytest.fixture(scope="module")
def tagged():
    """60,000 images of one pixel pair each, which together say the image's number."""
    number = np.arange(60_000)
    x = np.stack([number // 256, number % 256], axis=1).astype(np.uint8).reshape(-1, 1, 2, 1)
    return Split(x, (number % 10).astype(np.uint8), CLASSES)


def numbers(split):
    x = split.x[:]
    return x[:, 0, 0, 0].astype(int) * 256 + x[:, 0, 1, 0]


def test_15_percent_of_60000_images_are_held_out(tagged):
    train, val = partition.split_train_val(tagged, val_fraction=0.15, seed=0)
    assert (len(train), len(val)) == (51_000, 9_000)
    assert train.x.shape == (51_000, 1, 2, 1)
    assert (train.x.dtype, train.y.dtype) == (np.uint8, np.uint8)


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
    data = partition.take(tagged, np.arange(num_images))
    with pytest.raises(UserError) as error:
        partition.split_train_val(data, val_fraction=val_fraction, seed=0)
    assert str(error.value) == (
        "params.yaml: preprocess.val_fraction: expected a share that leaves images for training "
        f"and for validation, received {val_fraction} of {num_images} images"
    )


def test_a_split_is_no_copy_of_the_images(tagged):
    train, val = partition.split_train_val(tagged, val_fraction=0.15, seed=0)
    for split in (train, partition.take(train, np.arange(3)), val):
        assert not isinstance(split.x, np.ndarray)
        assert split.x._array is tagged.x


def test_some_images_are_taken_with_their_labels_and_all_classes():
    x = np.arange(4, dtype=np.uint8).reshape(4, 1, 1, 1)
    data = Split(x, np.array([0, 1, 1, 0], np.uint8), ("cat", "dog"))
    some = partition.take(partition.take(data, np.array([3, 1, 0])), np.array([2, 0]))
    assert some.x[:].ravel().tolist() == [0, 3]
    assert (some.y.tolist(), some.classes) == ([0, 0], ("cat", "dog"))
    assert (some.image_shape, some.num_classes, len(some)) == ((1, 1, 1), 2, 2)


def test_images_without_labels_are_refused():
    with pytest.raises(ValueError, match=r"^expected a label for each of 3 images, got 2$"):
        Split(np.zeros((3, 28, 28), np.uint8), np.zeros(2, np.uint8))


def test_a_split_is_described_by_counts_mean_and_standard_deviation():
    # Two black images, one white, one of intensity 51: mean 306 / 4, variance
    # (2 · 76.5² + 178.5² + 25.5²) / 4.
    x = np.zeros((4, 28, 28), np.uint8)
    x[2], x[3] = 255, 51
    described = partition.describe(Split(x, np.array([3, 3, 0, 9], np.uint8), CLASSES))
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
    turned = partition.take(tiny_train, np.arange(len(tiny_train))[::-1])
    assert partition.describe(turned) == partition.describe(tiny_train)


def test_a_saved_split_is_read_back_exactly(tiny_train, tmp_path):
    splits.save(tmp_path / "new" / "train.npz", tiny_train)
    loaded = splits.load(tmp_path / "new" / "train.npz")
    assert (loaded.x.dtype, loaded.y.dtype) == (np.uint8, np.uint8)
    assert np.array_equal(loaded.x, tiny_train.x)
    assert np.array_equal(loaded.y, tiny_train.y)
    assert len(loaded) == 600
    assert loaded.classes == tuple("0123456789")


def test_rows_are_saved_as_the_same_bytes_as_the_array_that_they_are(tagged, tmp_path):
    order = np.random.default_rng(0).permutation(2_500)
    rows = partition.take(tagged, order)
    splits.save(tmp_path / "rows.npz", rows)
    splits.save(tmp_path / "array.npz", Split(tagged.x[order], tagged.y[order], CLASSES))
    assert (tmp_path / "rows.npz").read_bytes() == (tmp_path / "array.npz").read_bytes()
    assert np.array_equal(splits.load(tmp_path / "rows.npz").x, tagged.x[order])


def test_the_same_split_is_saved_as_the_same_bytes(tiny_train, tmp_path):
    splits.save(tmp_path / "first.npz", tiny_train)
    copy = Split(tiny_train.x.copy(), tiny_train.y.copy(), tiny_train.classes)
    splits.save(tmp_path / "second.npz", copy)
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()


def test_a_saved_split_holds_no_time(tiny_train, tmp_path):
    splits.save(tmp_path / "train.npz", tiny_train)
    with zipfile.ZipFile(tmp_path / "train.npz") as archive:
        times = {entry.filename: entry.date_time for entry in archive.infolist()}
    earliest = (1980, 1, 1, 0, 0, 0)
    assert times == dict.fromkeys(("x.npy", "y.npy", "classes.npy"), earliest)
