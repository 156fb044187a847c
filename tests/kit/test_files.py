import os
import subprocess
import sys
import tarfile

import numpy as np
import pandas as pd
import pytest

from studykit import files
from studykit.files import atomic_write, read_json, write_csv, write_json


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    target = tmp_path / "new" / "folder" / "model.keras"
    with atomic_write(target) as beside:
        beside.write_bytes(b"whole")
        assert not target.exists()
    assert target.read_bytes() == b"whole"
    assert names(target.parent) == ["model.keras"]


def test_the_temporary_file_has_the_targets_name_in_a_hidden_folder_beside_it(tmp_path):
    with atomic_write(tmp_path / "train.npz") as beside:
        assert beside.name == "train.npz"
        assert beside.parent.parent == tmp_path
        assert beside.parent.name.startswith(".part-")
        beside.touch()


def test_two_writers_of_a_file_never_share_a_temporary_one(tmp_path):
    with atomic_write(tmp_path / "a.csv") as first:
        first.write_text("first")
        with atomic_write(tmp_path / "a.csv") as second:
            second.write_text("second")
        assert (tmp_path / "a.csv").read_text() == "second"
    assert (tmp_path / "a.csv").read_text() == "first"
    assert names(tmp_path) == ["a.csv"]


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path):
    code = (
        "import os, sys; from studykit.files import atomic_write\n"
        "with atomic_write(sys.argv[1]) as beside: beside.touch(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.csv")], check=False)
    (left,) = names(tmp_path)
    assert left.startswith(".part-")
    (tmp_path / f".part-{os.getpid()}-living").mkdir()
    with atomic_write(tmp_path / "b.csv") as beside:
        beside.touch()
    assert names(tmp_path) == [f".part-{os.getpid()}-living", "b.csv"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_nothing_behind(tmp_path, error):
    def write_half():
        with atomic_write(tmp_path / "train.npz") as beside:
            beside.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        write_half()
    assert names(tmp_path) == []


def test_a_write_that_fails_keeps_the_file_that_was_there(tmp_path):
    (tmp_path / "metrics.json").write_text("old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "metrics.json", {"loss": float("nan")})
    assert names(tmp_path) == ["metrics.json"]
    assert (tmp_path / "metrics.json").read_text() == "old"


def test_json_keeps_the_keys_order_and_every_digit(tmp_path):
    write_json(tmp_path / "metrics.json", {"b": 0.1 + 0.2, "a": {"é": 1}})
    assert (tmp_path / "metrics.json").read_bytes() == (
        b'{\n  "b": 0.30000000000000004,\n  "a": {\n    "\\u00e9": 1\n  }\n}\n'
    )


def test_json_is_read_back_as_it_was(tmp_path):
    content = {"b": 1 / 3, "a": [1, None, "é"]}
    write_json(tmp_path / "metrics.json", content)
    assert read_json(tmp_path / "metrics.json") == content


def test_csv_has_a_header_no_index_and_plain_newlines(tmp_path):
    write_csv(tmp_path / "t.csv", pd.DataFrame({"epoch": [1, 2], "val/loss": [0.5, 0.25]}))
    assert (tmp_path / "t.csv").read_bytes() == b"epoch,val/loss\n1,0.5\n2,0.25\n"


def test_csv_floats_are_read_back_exactly(tmp_path):
    values = np.random.default_rng(0).random(1000)
    write_csv(tmp_path / "t.csv", pd.DataFrame({"loss": values}))
    assert pd.read_csv(tmp_path / "t.csv")["loss"].tolist() == values.tolist()


class Counting:
    """2,500 rows of one number each, made when they are looked at."""

    shape, dtype = (2500, 1), np.dtype(np.uint16)

    def __init__(self):
        self.looked_at = []

    def __len__(self):
        return 2500

    def __getitem__(self, rows):
        self.looked_at.append((rows.start, rows.stop))
        return np.arange(2500, dtype=np.uint16)[rows, np.newaxis]


def test_what_is_no_array_is_written_block_by_block_as_the_same_bytes(tmp_path):
    rows = Counting()
    files.write_arrays(tmp_path / "blocks.npz", x=rows)
    array = np.arange(2500, dtype=np.uint16)[:, np.newaxis]
    files.write_arrays(tmp_path / "array.npz", x=array)
    np.savez(tmp_path / "numpy.npz", x=array)
    assert rows.looked_at == [(0, 1000), (1000, 2000), (2000, 3000)]
    blocks, whole, by_numpy = (
        (tmp_path / f"{name}.npz").read_bytes() for name in ("blocks", "array", "numpy")
    )
    assert blocks == whole == by_numpy


def test_a_tar_holds_names_and_contents_in_order_and_nothing_else(tmp_path):
    names = ["b/2", "a", "b/10", ".hidden", "b/.git/x", "c"]
    for name in names:
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "folder/a").chmod(0o600)
    files.write_tar(tmp_path / "one.tar", tmp_path / "folder")
    with tarfile.open(tmp_path / "one.tar") as archive:
        members = archive.getmembers()
        read = {each.name: archive.extractfile(each).read().decode() for each in members}
    assert list(read.items()) == [(name, name) for name in ("a", "c", "b/10", "b/2")]
    assert {(each.mtime, each.uid, each.gid, each.uname, each.mode) for each in members} == {
        (0, 0, 0, "", 0o644)
    }
