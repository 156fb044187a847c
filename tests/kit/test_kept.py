"""What is kept from run to run: made once, and never anything but what would be made."""

import os
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
    module._made_by.cache_clear()
    DRAWN.clear()
    return tmp_path / module.FOLDER


def drawn(tmp_path, *what):
    drawing = partial(draw, *what)
    return kept(drawing, drawing, code=tmp_path / "code", libraries=["pandas"])


def test_what_was_drawn_is_not_drawn_again_and_something_else_is(tmp_path):
    assert [drawn(tmp_path, what) for what in (1, 1, 2, 1)] == [b"(1,)", b"(1,)", b"(2,)", b"(1,)"]
    assert DRAWN == [(1,), (2,)]


def test_other_code_another_library_or_processor_draws_again(tmp_path, monkeypatch):
    drawn(tmp_path, 1)
    (tmp_path / "code/draw.py").write_text("2")
    module._made_by.cache_clear()  # as in the next process
    drawn(tmp_path, 1)
    for what in ("version_of", "this_machine"):
        monkeypatch.setattr(module, what, lambda *name: "another")
        module._made_by.cache_clear()
        drawn(tmp_path, 1)
    assert len(DRAWN) == 4


def test_what_it_is_of_counts_and_not_how_it_is_made(tmp_path):
    by = {"code": tmp_path / "code", "libraries": ["pandas"]}
    made = [kept(partial(draw, what), of, **by) for what, of in ((1, "a"), (2, "a"), (3, "b"))]
    assert made == [b"(1,)", b"(1,)", b"(3,)"]


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


def test_what_nobody_has_wanted_for_longest_goes_when_there_is_too_much(
    tmp_path, folder, monkeypatch
):
    monkeypatch.setattr(module, "MOST", 3 * (module.DIGEST + len(b"(0,)")) + 1)
    for number in (0, 1, 2, 0, 3, 4):  # 0 is wanted again before there is too much
        for file in folder.glob("*"):  # all that is there is a second older
            age = file.lstat().st_mtime_ns - 10**9
            os.utime(file, ns=(age, age))
        drawn(tmp_path, number)
    assert len(list(folder.iterdir())) == 3
    DRAWN.clear()
    for number in (0, 3, 4):
        drawn(tmp_path, number)
    assert DRAWN == []
