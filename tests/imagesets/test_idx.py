import gzip

import numpy as np
import pytest

from imagesets.formats import idx as reader
from studykit.errors import UserError
from tests.imagesets.making import entry, idx, named

FOUR = named("images", "labels", "test-images", "test-labels")
PAIR = {"format": "idx", "files": FOUR, "train": ["images", "labels"]}
BOTH = PAIR | {"test": ["test-images", "test-labels"]}
GOOD = {
    "images": idx(2, 2, 3, values=range(12)),
    "labels": idx(2, values=[1, 0]),
    "test-images": idx(1, 2, 3, values=range(100, 106)),
    "test-labels": idx(1, values=[2]),
}
AGAIN = "; fetch the file again"


def read(folder, values=BOTH, **files):
    for name, content in (GOOD | {k.replace("_", "-"): v for k, v in files.items()}).items():
        (folder / name).write_bytes(content)
    return reader.read(folder, entry(**values), False)


@pytest.fixture
def refusal(tmp_path):
    """What the reader says of some files, without their folder."""

    def refusal(values=BOTH, **files):
        with pytest.raises(UserError) as error:
            read(tmp_path, values, **files)
        assert "\n" not in str(error.value)
        return str(error.value).removeprefix(f"{tmp_path}/")

    return refusal


def test_training_images_come_before_test_images_in_one_array(tmp_path):
    parts = read(tmp_path)
    assert parts.x.shape == (3, 2, 3, 1)
    assert parts.x.dtype == np.uint8
    assert parts.x[..., 0].tolist() == [
        [[0, 1, 2], [3, 4, 5]],
        [[6, 7, 8], [9, 10, 11]],
        [[100, 101, 102], [103, 104, 105]],
    ]
    assert parts.labels.tolist() == [1, 0, 2]
    assert parts.num_train == 2


def test_gzipped_files_are_read_as_plain_ones(tmp_path):
    plain = read(tmp_path)
    packed = {name.replace("-", "_"): gzip.compress(content) for name, content in GOOD.items()}
    parts = read(tmp_path, **packed)
    assert np.array_equal(parts.x, plain.x)
    assert np.array_equal(parts.labels, plain.labels)


def test_images_of_three_channels_keep_them(tmp_path):
    files = {"images": idx(1, 1, 2, 3, values=[1, 2, 3, 4, 5, 6]), "labels": idx(1, values=[0])}
    parts = read(tmp_path, PAIR, **files)
    assert parts.x.tolist() == [[[[1, 2, 3], [4, 5, 6]]]]
    assert parts.num_train == 1


def test_labels_of_two_bytes_are_read_as_big_endian(tmp_path):
    labels = idx(2, values=[1, 2, 0, 3], kind=0x0B)
    assert read(tmp_path, labels=labels).labels.tolist() == [258, 3, 2]


IMAGES, LABELS = GOOD["images"], GOOD["labels"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"labels": b""}, "labels: expected {idx}, received an empty file"),
        ({"images": b"PNG!rest"}, "images: expected {idx}, received 504e4721"),
        ({"images": IMAGES[:15]}, "images: expected a header of 16 bytes, received a file of 15"),
        ({"images": IMAGES[:-1]}, "images: expected 28 {shape}, received 27"),
        ({"labels": LABELS + b"x"}, "labels: expected 10 bytes for shape (2,), received 11"),
        ({"images": gzip.compress(IMAGES + b"x")}, "images: expected 28 {shape}, received 29"),
        ({"images": gzip.compress(IMAGES[:-2])}, "images: expected 28 {shape}, received 26"),
        ({"images": gzip.compress(IMAGES)[:-9]}, "images: expected 28 bytes, received {cut}"),
    ],
    ids=["empty", "other", "header", "truncated", "trailing", "trailing.gz", "short.gz", "cut.gz"],
)
def test_a_broken_file_is_told_with_what_helps(refusal, files, said):
    said = said.format(
        idx="an IDX file, which begins with 0000",
        shape="bytes for shape (2, 2, 3)",
        cut="Compressed file ended before the end-of-stream marker was reached",
    )
    assert refusal(**files) == said + AGAIN


def test_a_header_that_claims_more_than_any_memory_is_refused(refusal):
    huge = idx(2**32 - 1, 2**32 - 1, 2**32 - 1, values=[])
    labels = idx(2**32 - 1, values=[])
    # (2**32 - 1)**3 + 16, which overflows 64 bits
    assert refusal(images=huge, labels=labels).startswith(
        "images: expected 79,228,162,458,924,105,385,300,197,391 bytes for shape"
    )


def test_a_gzipped_file_cannot_claim_more_than_gzip_can_pack(refusal):
    huge = gzip.compress(idx(2**20, 2**10, 2**10, values=[]))
    said = refusal(images=huge, labels=idx(2**20, values=bytes(2**20)))
    assert said.startswith("images: expected 1,099,511,627,792 bytes for shape")


def test_a_label_too_few_is_no_reason_to_fetch_again(refusal):
    assert refusal(labels=idx(1, values=[0])) == (
        "labels: expected a label for each of the 2 images in images, received 1; the two are not "
        "of one data set"
    )


def test_swapped_files_are_told_as_such(refusal):
    said = refusal(images=GOOD["labels"], labels=GOOD["images"])
    assert said == (
        "images: expected images, received labels; swap the two files in datasets.yaml: pets.train"
    )


def test_test_images_of_another_size_are_refused(refusal):
    assert refusal(test_images=idx(1, 3, 3, values=bytes(9))) == (
        "test-images: expected images of 2 × 3 as in images, received 3 × 3; the two are not of "
        "one data set"
    )


def test_an_entry_without_a_pair_of_files_is_refused(refusal):
    assert refusal(PAIR | {"train": ["images"]}) == (
        "datasets.yaml: pets.train: expected two files, of images and of labels, received images"
    )


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(
        UserError, match="images: expected a file, found none; fetch the file again"
    ):
        reader.read(tmp_path, entry(**PAIR), False)


def test_images_and_labels_are_told_by_their_headers(tmp_path):
    read(tmp_path)
    names = ["a-labels", "b-images"]
    for name, kind in zip(names, ("labels", "images"), strict=True):
        (tmp_path / name).write_bytes(GOOD[kind])
    assert reader.guess(tmp_path, names) == {
        "train": ["b-images", "a-labels"],
        "test": [],
        "classes": ["0", "1"],
    }
