"""What is kept from run to run: drawn once, and never anything but what would be drawn."""

from functools import partial

import pandas as pd
import pytest

from studykit import kept as module
from studykit.kept import kept

DRAWN = []


def draw(*what):
    DRAWN.append(what)
    return repr(what).encode()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder that drawings are kept in, of a repository in which DVC runs a stage."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "code").mkdir()
    (tmp_path / "code/draw.py").write_text("1")
    module._drawn_by.cache_clear()
    DRAWN.clear()
    return tmp_path / module.FOLDER


def drawn(tmp_path, *what):
    return kept(partial(draw, *what), code=tmp_path / "code", libraries=["pandas"])


def test_what_was_drawn_is_not_drawn_again_and_something_else_is(tmp_path):
    assert [drawn(tmp_path, what) for what in (1, 1, 2, 1)] == [b"(1,)", b"(1,)", b"(2,)", b"(1,)"]
    assert DRAWN == [(1,), (2,)]


def test_other_code_or_another_library_draws_again(tmp_path, monkeypatch):
    drawn(tmp_path, 1)
    (tmp_path / "code/draw.py").write_text("2")
    module._drawn_by.cache_clear()  # as in the next process
    drawn(tmp_path, 1)
    monkeypatch.setattr(module, "version_of", lambda name: "another")
    module._drawn_by.cache_clear()
    drawn(tmp_path, 1)
    assert len(DRAWN) == 3


@pytest.mark.parametrize("damage", [b"", b"short", bytes(16) + b"(1,)"])
def test_a_damaged_file_is_drawn_again(tmp_path, folder, damage):
    drawn(tmp_path, 1)
    (file,) = folder.iterdir()
    file.write_bytes(damage)
    assert drawn(tmp_path, 1) == b"(1,)"
    assert len(DRAWN) == 2
    assert drawn(tmp_path, 1) == b"(1,)"
    assert len(DRAWN) == 2


def test_where_nothing_can_be_kept_all_is_drawn(tmp_path, folder):
    folder.parent.mkdir(parents=True)
    folder.write_text("a file in the folder's place")
    assert [drawn(tmp_path, 1), drawn(tmp_path, 1)] == [b"(1,)"] * 2
    assert len(DRAWN) == 2


def test_outside_of_dvc_nothing_is_kept(tmp_path, folder, monkeypatch):
    monkeypatch.delenv("DVC_ROOT")
    drawn(tmp_path, 1)
    assert not folder.exists()


def test_the_same_table_is_the_same_however_its_text_is_stored(tmp_path):
    for storage in ("python", "pyarrow"):
        text = pd.array(["a", "b"], dtype=pd.StringDtype(storage, na_value=float("nan")))
        drawn(tmp_path, pd.DataFrame({"text": text}))
    assert len(DRAWN) == 1
    drawn(tmp_path, pd.DataFrame({"text": ["a", "c"]}))
    assert len(DRAWN) == 2


def test_equal_values_are_the_same_whether_they_are_one_object_or_two(tmp_path):
    word = "a word"
    drawn(tmp_path, [word, word])
    drawn(tmp_path, [word, "".join(list(word))])
    assert len(DRAWN) == 1


def test_the_oldest_go_when_there_are_too_many(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    for number in range(5):
        drawn(tmp_path, number)
    assert len(list(folder.iterdir())) == 3
    drawn(tmp_path, 4)
    assert len(DRAWN) == 5
