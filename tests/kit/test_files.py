import numpy as np
import pandas as pd
import pytest

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


def test_the_temporary_file_lies_beside_the_target_with_its_suffix(tmp_path):
    with atomic_write(tmp_path / "train.npz") as beside:
        assert beside.parent == tmp_path
        assert beside.suffix == ".npz"
        beside.touch()


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
