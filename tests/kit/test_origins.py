"""Which processor trained a model: what is noted, and what is refused."""

import json

import pytest

from studykit.errors import UserError
from studykit.records import origins
from studykit.records.revisions import resolve
from studykit.records.trees import WorkingTree
from tests.kit.small_pipeline import shell, write


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with two models, one of them a folder."""
    write(tmp_path / "models/one.keras", "one")
    write(tmp_path / "models/two/weights", "two")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_model_is_noted_with_its_md5_and_this_machine():
    for path in ("models/two", "models/one.keras"):
        origins.record(path)
    assert list(json.loads(origins.ORIGINS.read_text())) == ["models/one.keras", "models/two"]
    noted = origins.read(WorkingTree())
    assert (
        noted["models/one.keras"]
        == {"md5": "f97c5d29941bfb1b2fdab0874906ab82"} | origins.this_machine()
    )
    assert noted["models/two"]["md5"] == WorkingTree().md5("models/two")


def test_the_newest_note_of_a_model_stays():
    origins.record("models/one.keras")
    write(origins.ORIGINS.parent / "one.keras", "another")
    origins.record("models/one.keras")
    assert origins.read(WorkingTree())["models/one.keras"]["md5"] == WorkingTree().md5(
        "models/one.keras"
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("<<<<<<< HEAD\n{}\n", "expected JSON, found a merge conflict; resolve it"),
        ("[1]", r"Input should be a valid dictionary, received \[1\]"),
        ('{"models/one.keras": 1}', "models/one.keras: Input should be a valid dictionary"),
        ("", "expected JSON: Expecting value"),
    ],
)
def test_notes_that_cannot_be_read_are_one_line_and_stay_as_they_are(content, told):
    write(origins.ORIGINS, content)
    with pytest.raises(UserError, match=f"^models/origins.json: {told}") as no:
        origins.record("models/one.keras")
    assert "\n" not in str(no.value)
    assert origins.ORIGINS.read_text() == content


def test_the_notes_of_a_commit_are_read(folder):
    origins.record("models/one.keras")
    shell(folder, "git init -q && git add . && git commit -qm notes")
    noted = origins.read(WorkingTree())
    origins.ORIGINS.unlink()
    assert origins.read(WorkingTree()) == {}
    assert origins.read(resolve("HEAD").tree) == noted
