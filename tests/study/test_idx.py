import struct

import numpy as np
import pytest

from mnist_study.data.idx import read_images, read_labels, read_split
from studykit.errors import UserError

AGAIN = "; fetch the file again"


def idx(*shape, values, magic=None):
    head = magic or bytes([0, 0, 8, len(shape)])
    return head + struct.pack(f">{len(shape)}I", *shape) + bytes(values)


@pytest.fixture
def refusal(tmp_path):
    """What a reader says of a file with some content, less the file's path."""

    def refusal(read, content):
        path = tmp_path / "file-ubyte"
        path.write_bytes(content)
        with pytest.raises(UserError) as error:
            read(path)
        message = str(error.value)
        assert message.startswith(f"{path}: ")
        return message.removeprefix(f"{path}: ")

    return refusal


def test_images_are_read_row_by_row_as_bytes(tmp_path):
    values = np.arange(2 * 28 * 28) % 256
    (tmp_path / "images").write_bytes(idx(2, 28, 28, values=values.tolist()))
    x = read_images(tmp_path / "images")
    assert x.shape == (2, 28, 28)
    assert x.dtype == np.uint8
    assert x[0, 0, :3].tolist() == [0, 1, 2]
    assert x[0, 1, 0] == 28
    assert x[1, 0, 0] == 784 % 256


def test_labels_are_read_in_order_as_bytes(tmp_path):
    (tmp_path / "labels").write_bytes(idx(4, values=[9, 0, 3, 3]))
    y = read_labels(tmp_path / "labels")
    assert y.dtype == np.uint8
    assert y.tolist() == [9, 0, 3, 3]


def test_the_synthetic_files_are_read(tiny_mnist):
    assert read_images(tiny_mnist.train_images).shape == (600, 28, 28)
    assert read_labels(tiny_mnist.train_labels).shape == (600,)
    assert read_images(tiny_mnist.test_images).shape == (200, 28, 28)
    assert sorted(set(read_labels(tiny_mnist.test_labels).tolist())) == list(range(10))


def test_another_magic_number_is_refused(refusal):
    content = idx(1, values=[0], magic=b"\x00\x00\x0d\x01")  # floats
    assert refusal(read_labels, content) == (
        "expected the magic number 00000801, received 00000d01" + AGAIN
    )


def test_labels_in_place_of_images_are_refused(refusal):
    assert refusal(read_images, idx(1, values=[0])) == (
        "expected the magic number 00000803, received 00000801" + AGAIN
    )


def test_a_compressed_file_is_refused(refusal):
    assert refusal(read_images, b"\x1f\x8b\x08\x08rest") == (
        "expected the magic number 00000803, received 1f8b0808" + AGAIN
    )


def test_an_empty_file_is_refused(refusal):
    assert refusal(read_labels, b"") == (
        "expected the magic number 00000801, received an empty file" + AGAIN
    )


def test_a_truncated_header_is_refused(refusal):
    content = idx(1, 28, 28, values=[])[:15]
    assert refusal(read_images, content) == (
        "expected a header of 16 bytes, received a file of 15" + AGAIN
    )


def test_a_missing_byte_is_refused(refusal):
    content = idx(2, 28, 28, values=bytes(1567))
    assert refusal(read_images, content) == (
        "expected 1,584 bytes for shape (2, 28, 28), received 1,583" + AGAIN
    )


def test_a_trailing_byte_is_refused(refusal):
    assert refusal(read_labels, idx(3, values=[1, 2, 3, 4])) == (
        "expected 11 bytes for shape (3,), received 12" + AGAIN
    )


def test_a_header_that_claims_more_than_any_memory_is_refused(refusal):
    content = idx(2**32 - 1, 2**32 - 1, 2**32 - 1, values=[])
    received = refusal(read_images, content)
    # (2**32 - 1)**3 + 16, which overflows 64 bits
    assert received.startswith("expected 79,228,162,458,924,105,385,300,197,391 bytes for shape")


def test_images_of_another_size_are_refused(refusal):
    content = idx(1, 27, 28, values=bytes(27 * 28))
    assert refusal(read_images, content) == ("expected images of 28 × 28, received 27 × 28" + AGAIN)


@pytest.mark.parametrize("values", [[0, 9, 10, 0], [0, 9, 10, 255]])
def test_a_label_beyond_9_is_refused_with_the_first_ones_place(refusal, values):
    assert refusal(read_labels, idx(4, values=values)) == (
        "expected labels 0–9, received 10 at index 2" + AGAIN
    )


def test_a_part_is_read_as_images_with_their_labels(tiny_mnist):
    split = read_split(tiny_mnist.folder, "t10k")
    assert np.array_equal(split.x, read_images(tiny_mnist.test_images))
    assert np.array_equal(split.y, read_labels(tiny_mnist.test_labels))


def test_labels_of_other_images_are_refused_in_one_line(tmp_path):
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    images.write_bytes(idx(2, 28, 28, values=bytes(2 * 28 * 28)))
    labels.write_bytes(idx(3, values=[1, 2, 3]))
    with pytest.raises(UserError) as error:
        read_split(tmp_path, "train")
    assert str(error.value) == (
        f"{labels}: expected a label for each of the 2 images in train-images-idx3-ubyte, "
        "received 3; the two are not of one data set"
    )
