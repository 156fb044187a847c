import json
import re
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imagesets.formats import csv, npz, parquet
from studykit.errors import UserError
from tests.imagesets.making import entry, named, picture, zipped

# CSV


def read_csv(folder, text, test=None, **values):
    (folder / "train.csv").write_text(text)
    files, test_files = ["train.csv"], []
    if test is not None:
        (folder / "test.csv").write_text(test)
        files, test_files = ["train.csv", "test.csv"], ["test.csv"]
    given = {"format": "csv", "files": named(*files), "test": test_files} | values
    return csv.read(folder, entry(**given), False)


TABLE = "label,pixel0,pixel1,pixel2,pixel3\n1,0,10,20,255\n0,1,2,3,4\n"


def test_a_row_is_a_square_image_with_its_label(tmp_path):
    parts = read_csv(tmp_path, TABLE)
    assert parts.x[..., 0].tolist() == [[[0, 10], [20, 255]], [[1, 2], [3, 4]]]
    assert parts.x.dtype == np.uint8
    assert (parts.labels.tolist(), parts.num_train) == ([1, 0], 2)


def test_a_second_table_has_the_test_images(tmp_path):
    parts = read_csv(tmp_path, TABLE, test="label,a,b,c,d\ncat,5,5,5,5\n")
    assert parts.x.shape == (3, 2, 2, 1)
    assert (parts.labels.tolist(), parts.num_train) == ([1, 0, "cat"], 2)


def test_empty_lines_are_no_images(tmp_path):
    assert len(read_csv(tmp_path, TABLE + "\n\n").x) == 2


def test_the_entry_says_which_column_has_the_labels_and_what_white_is(tmp_path):
    parts = read_csv(tmp_path, "0,4,8,16,2\n", header=False, label=4, maximum=16)
    # 8 / 16 of 255 is 127.5, which rounds to even.
    assert parts.x[0, ..., 0].tolist() == [[0, 64], [128, 255]]
    assert parts.labels.tolist() == [2]


def test_the_entry_says_what_shape_the_pixels_make(tmp_path):
    row = "0," + ",".join(map(str, range(18)))
    parts = read_csv(tmp_path, f"{row}\n", header=False, size=[2, 3])
    assert parts.x.shape == (1, 2, 3, 3)
    assert parts.x[0, 0, 1].tolist() == [3, 4, 5]


WRONG = r"expected an intensity 0–255, received \1; mend it, or say datasets.yaml: pets.maximum"
SQUARE = (
    "expected a square number of pixels a row, received 3; say datasets.yaml: pets.size: "
    "[HEIGHT, WIDTH]"
)


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        (TABLE.replace("255", "256"), {}, "row 1, pixel 3: {wrong} 256"),
        (TABLE.replace(",4\n", ",-4\n"), {}, "row 2, pixel 3: {wrong} -4"),
        (TABLE.replace(",4\n", ",\n"), {}, "row 2, pixel 3: {wrong} nan"),
        (TABLE.replace("255", "0.5"), {}, "row 1, pixel 3: {wrong} 0.5"),
        (TABLE.replace("255", "x"), {}, "row 1, pixel 3: {wrong} x"),
        ("label,a,b,c\n0,1,2,3\n", {}, SQUARE),
        ("", {}, "expected a CSV file, received: No columns to parse from file"),
        (
            TABLE,
            {"label": "y"},
            "expected a column y with the labels, found label, pixel0, pixel1, pixel2, "
            "…; name it in datasets.yaml: pets.label",
        ),
    ],
    ids=["256", "-4", "none", "half", "word", "3 pixels", "empty", "no label"],
)
def test_a_wrong_table_is_refused(tmp_path, text, values, said):
    with pytest.raises(UserError) as error:
        read_csv(tmp_path, text, **values)
    said = re.sub("{wrong} (.*)", WRONG, said)
    assert str(error.value) == f"{tmp_path / 'train.csv'}: {said}"


def test_a_tables_entry_leaves_out_a_table_without_labels(tmp_path):
    (tmp_path / "train.csv").write_text(TABLE)
    (tmp_path / "test.csv").write_text("pixel0,pixel1,pixel2,pixel3\n1,2,3,4\n")
    assert csv.guess(tmp_path, ["test.csv", "train.csv"]) == {
        "train": ["train.csv"],
        "test": [],
        "header": True,
        "label": "label",
        "classes": ["0", "1"],
    }


# .npz


X = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3)
ARRAYS = {"x_train": X, "y_train": [1, 0], "x_test": X[:1] + 100, "y_test": [[2]]}


def read_npz(folder, save=np.savez, **arrays):
    save(folder / "a.npz", **{k: v for k, v in (ARRAYS | arrays).items() if v is not None})
    return npz.read(folder, entry(format="npz", files=named("a.npz")), False)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_keras_become_one(tmp_path, save):
    parts = read_npz(tmp_path, save)
    assert np.array_equal(parts.x, np.concatenate([X, X[:1] + 100])[..., np.newaxis])
    assert (parts.labels.tolist(), parts.num_train) == ([1, 0, 2], 2)


def test_without_test_arrays_all_images_are_for_training(tmp_path):
    assert read_npz(tmp_path, x_test=None, y_test=None).num_train == 2


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (
            {"y_train": None},
            "expected the arrays x_train and y_train, and x_test and y_test if there are "
            "test images, found x_test, x_train, y_test",
        ),
        ({"y_train": [1]}, "y_train: expected a label for each of the 2 images, received 1"),
        (
            {"x_train": X / 255},
            "x_train: expected uint8 (n, height, width) or (n, height, width, 1 or 3), "
            "received float64 (2, 2, 3)",
        ),
        ({"x_test": X[:1, :1]}, "expected images of one shape, received (2, 3) and (1, 3)"),
    ],
    ids=["missing", "too few", "floats", "other shape"],
)
def test_wrong_arrays_are_refused(tmp_path, arrays, said):
    with pytest.raises(UserError) as error:
        read_npz(tmp_path, **arrays)
    assert str(error.value) == f"{tmp_path / 'a.npz'}: {said}"


def test_a_truncated_npz_is_to_be_fetched_again(tmp_path):
    read_npz(tmp_path)
    path = tmp_path / "a.npz"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(
        UserError, match=r"a.npz: expected a whole .npz file, .*; fetch the file again$"
    ):
        npz.read(tmp_path, entry(format="npz", files=named("a.npz")), False)


def test_an_array_that_is_shorter_than_it_says_is_refused(tmp_path):
    read_npz(tmp_path)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    zipped(tmp_path / "a.npz", members | {"x_train.npy": members["x_train.npy"][:-1]})
    with pytest.raises(UserError, match=r"received: x_train ends after 11 of 12 bytes; fetch the"):
        npz.read(tmp_path, entry(format="npz", files=named("a.npz")), False)


# Parquet


def write_parquet(path, labels, images=None, names=None):
    images = images or [picture(level) for level in range(len(labels))]
    cells = [{"bytes": content, "path": None} for content in images]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(cells, kind), "label": labels})
    features = {"info": {"features": {"label": {"names": names}}}}
    if names:
        table = table.replace_schema_metadata({"huggingface": json.dumps(features)})
    pq.write_table(table, path)


def read_parquet(folder, *, train=("a.parquet",), test=()):
    values = {"files": named(*train, *test), "train": list(train), "test": list(test)}
    return parquet.read(folder, entry(format="parquet", **values), False)


def test_rows_of_encoded_images_are_decoded(tmp_path):
    write_parquet(tmp_path / "a.parquet", [2, 0])
    write_parquet(tmp_path / "b.parquet", [1], [picture(9)])
    parts = read_parquet(tmp_path, test=("b.parquet",))
    assert parts.x[:, 0, 0, 0].tolist() == [0, 1, 9]
    assert (parts.labels.tolist(), parts.num_train) == ([2, 0, 1], 2)


def test_a_column_of_bytes_and_labels_by_name_are_read(tmp_path):
    pq.write_table(pa.table({"image": [picture(3)], "label": ["dog"]}), tmp_path / "a.parquet")
    parts = read_parquet(tmp_path)
    assert (parts.x[0, 0, 0, 0], parts.labels.tolist()) == (3, ["dog"])


def test_the_schema_names_the_classes(tmp_path):
    write_parquet(tmp_path / "a.parquet", [1, 0], names=["cat", "dog"])
    assert parquet.guess(tmp_path, ["a.parquet"]) == {
        "classes": ["cat", "dog"],
        "label": "label",
        "size": [4, 4],
    }


@pytest.mark.parametrize("schema", ["[" * 100_000, "{", b"\xff", '{"info": []}'])
def test_without_a_whole_schema_the_labels_name_the_classes(tmp_path, schema):
    table = pa.table({"image": [picture(3)], "label": ["dog"]})
    pq.write_table(table.replace_schema_metadata({"huggingface": schema}), tmp_path / "a.parquet")
    assert parquet.guess(tmp_path, ["a.parquet"])["classes"] == ["dog"]


def test_a_broken_image_is_named_by_its_row(tmp_path):
    write_parquet(tmp_path / "a.parquet", [0, 1], [picture(1), b"x"])
    with pytest.raises(UserError, match=r"a.parquet: row 1: expected a whole picture, received: "):
        read_parquet(tmp_path)


def test_a_table_without_labels_is_refused(tmp_path):
    pq.write_table(pa.table({"image": [picture(3)]}), tmp_path / "a.parquet")
    with pytest.raises(
        UserError, match=r"expected a column of encoded images and a column label, "
    ):
        read_parquet(tmp_path)


def test_what_is_no_parquet_is_to_be_fetched_again(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 cut")
    with pytest.raises(
        UserError, match=r"^[^\n]+ whole Parquet file, [^\n]+; fetch the file again$"
    ):
        read_parquet(tmp_path)


@pytest.mark.parametrize(("promised", "said"), [(5, "fewer"), (3, "more")])
def test_a_parquet_file_with_other_rows_than_it_promises_is_refused(tmp_path, promised, said):
    """Without the check, whatever was in memory would be images, or the last ones lost."""
    write_parquet(tmp_path / "a.parquet", [0, 1, 0, 1])
    content = (tmp_path / "a.parquet").read_bytes()
    rows = b"\x16%c\x19\x1c"  # in Thrift: a number, twice as much, before a list of structures
    assert content.count(rows % 8) == 1
    (tmp_path / "a.parquet").write_bytes(content.replace(rows % 8, rows % (2 * promised)))
    with pytest.raises(
        UserError, match=f"Parquet file, received: {promised} rows by its end, {said}"
    ):
        read_parquet(tmp_path)
