import zipfile

import numpy as np
import pytest

from mnist_study.data import partition, splits
from mnist_study.data.splits import Split


@pytest.fixture(scope="module")
def tagged():
    """60,000 images of one pixel pair each, which together say the image's number."""
    number = np.arange(60_000)
    x = np.stack([number // 256, number % 256], axis=1).astype(np.uint8).reshape(-1, 1, 2)
    return Split(x, (number % 10).astype(np.uint8))


def numbers(split):
    return split.x[:, 0, 0].astype(int) * 256 + split.x[:, 0, 1]


def test_15_percent_of_60000_images_are_held_out(tagged):
    train, val = partition.split_train_val(tagged, val_fraction=0.15, seed=0)
    assert (len(train), len(val)) == (51_000, 9_000)
    assert train.x.shape == (51_000, 1, 2)
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
    data = Split(tagged.x[:num_images], tagged.y[:num_images])
    message = f"val_fraction {val_fraction} of {num_images} images leaves a split empty"
    with pytest.raises(ValueError, match=f"^{message}$"):
        partition.split_train_val(data, val_fraction=val_fraction, seed=0)


def test_images_without_labels_are_refused():
    with pytest.raises(ValueError, match=r"^expected a label for each of 3 images, got 2$"):
        Split(np.zeros((3, 28, 28), np.uint8), np.zeros(2, np.uint8))


def test_a_split_is_described_by_counts_mean_and_standard_deviation():
    # Two black images, one white, one of intensity 51: mean 306 / 4, variance
    # (2 · 76.5² + 178.5² + 25.5²) / 4.
    x = np.zeros((4, 28, 28), np.uint8)
    x[2], x[3] = 255, 51
    described = partition.describe(Split(x, np.array([3, 3, 0, 9], np.uint8)))
    assert described["images"] == 4
    assert described["intensity_mean"] == 76.5
    assert described["intensity_std"] == pytest.approx(11_054.25**0.5, rel=1e-14)
    assert described["images_per_digit"] == {
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
    turned = Split(tiny_train.x[::-1], tiny_train.y[::-1])
    assert partition.describe(turned) == partition.describe(tiny_train)


def test_a_saved_split_is_read_back_exactly(tiny_train, tmp_path):
    splits.save(tmp_path / "new" / "train.npz", tiny_train)
    loaded = splits.load(tmp_path / "new" / "train.npz")
    assert (loaded.x.dtype, loaded.y.dtype) == (np.uint8, np.uint8)
    assert np.array_equal(loaded.x, tiny_train.x)
    assert np.array_equal(loaded.y, tiny_train.y)
    assert len(loaded) == 600


def test_the_same_split_is_saved_as_the_same_bytes(tiny_train, tmp_path):
    splits.save(tmp_path / "first.npz", tiny_train)
    splits.save(tmp_path / "second.npz", Split(tiny_train.x.copy(), tiny_train.y.copy()))
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()


def test_a_saved_split_holds_no_time(tiny_train, tmp_path):
    splits.save(tmp_path / "train.npz", tiny_train)
    with zipfile.ZipFile(tmp_path / "train.npz") as archive:
        times = {entry.filename: entry.date_time for entry in archive.infolist()}
    earliest = (1980, 1, 1, 0, 0, 0)
    assert times == {"x.npy": earliest, "y.npy": earliest}
