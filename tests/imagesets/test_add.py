import hashlib
import shutil

import numpy as np
import pytest

from imagesets.add import add
from imagesets.catalogue import find
from imagesets.fetching import fetch
from imagesets.images import read
from studykit.errors import UserError
from tests.imagesets.making import picture, zipped
from tests.tiny_study import ROOT


@pytest.fixture(autouse=True)
def catalogue(tmp_path, monkeypatch):
    """The repository's catalogue in the current folder."""
    monkeypatch.chdir(tmp_path)
    return shutil.copy(ROOT / "datasets.yaml", tmp_path / "datasets.yaml")


def write_pets(folder, size=(4, 4)):
    for number, place in enumerate(["train/cat", "train/dog", "test/cat", "test/dog"] * 2):
        path = folder / place / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture((number, 0, 0), size))
    return folder


def test_a_folder_of_images_becomes_an_entry_that_fetch_and_read_take(tmp_path):
    pets = write_pets(tmp_path / "my pets")
    said = add(pets, "pets", title="My pets", noun="pet")
    assert said == [
        f"{pets}: format folder, 8 images of 4 × 4, in colour, 2 classes",
        "  for training 4, for testing 4",
        "  cat: 2 and 2",
        "  dog: 2 and 2",
    ]
    entry = find("pets")
    assert (entry.title, entry.noun, entry.classes) == ("My pets", "pet", ["cat", "dog"])
    fetch(entry, tmp_path / "raw", timeout=1, retries=0)
    found = read(tmp_path / "raw", entry)
    assert found.x[:, 0, 0, 0].tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    assert found.y[found.test].tolist() == [0, 0, 1, 1]


def test_the_hash_of_a_folder_depends_on_names_and_contents_alone(tmp_path):
    add(write_pets(tmp_path / "one"), "one")
    other = write_pets(tmp_path / "other")
    (other / ".DS_Store").write_bytes(b"hidden")
    (other / "train/cat/0.png").touch()
    add(other, "other")
    assert find("one").files["one.tar"] == find("other").files["other.tar"]
    (other / "train/cat/0.png").write_bytes(picture((9, 9, 9)))
    add(other, "other", replace=True)
    assert find("one").files["one.tar"] != find("other").files["other.tar"]


def test_the_text_of_the_catalogue_stays_as_it_is(tmp_path, catalogue):
    before = catalogue.read_text(encoding="utf-8")
    add(write_pets(tmp_path / "pets"), "pets")
    assert catalogue.read_text(encoding="utf-8").startswith(before.rstrip() + "\n\npets:\n")


def test_an_entry_is_replaced_only_where_that_is_asked_for_and_comments_stay(tmp_path, catalogue):
    pets = write_pets(tmp_path / "pets")
    with pytest.raises(UserError) as error:
        add(pets, "digits")
    assert str(error.value) == (
        "datasets.yaml: digits: expected a new name; to replace that entry: --replace"
    )
    add(pets, "digits", replace=True)
    assert find("digits").format == "folder"
    assert "# as the study states them" in catalogue.read_text(encoding="utf-8")
    assert len(find("mnist").claims) == 5


def test_an_archive_without_test_images_gets_a_fraction_and_a_seed(tmp_path):
    members = {f"{name}/{k}.png": picture(k) for name in ("cat", "dog") for k in range(10)}
    path = zipped(tmp_path / "pets.zip", members)
    assert add(path, "pets")[1] == "  for training 16, for testing 4, drawn: 20% of each class"
    entry = find("pets")
    assert (entry.test_fraction, entry.test_seed) == (0.2, 0)
    assert entry.files == {"pets.zip": hashlib.sha256(path.read_bytes()).hexdigest()}
    assert entry.sources == [str(tmp_path)]


def test_idx_files_are_found_in_a_folder_below(tiny_mnist, tmp_path):
    shutil.copytree(tiny_mnist.folder, tmp_path / "there/raw")
    said = add(tmp_path / "there", "tiny")
    assert said[0].endswith(": format idx, 800 images of 28 × 28, grey, 10 classes")
    entry = find("tiny")
    assert entry.files == tiny_mnist.sha256
    assert entry.train == ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
    assert entry.test == ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


def test_an_npz_file_is_found_by_its_name(tmp_path):
    x = np.arange(4, dtype=np.uint8).reshape(4, 1, 1)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=[0, 1, 0, 1], x_test=x + 9, y_test=[0, 1, 0, 1])
    assert add(tmp_path / "a.npz", "a")[2:] == ["  0: 2 and 2", "  1: 2 and 2"]


@pytest.mark.parametrize(("name", "found"), [("nothing.zip", "nothing"), ("a.txt", "another file")])
def test_what_is_no_data_set_is_refused(tmp_path, name, found):
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(UserError) as error:
        add(tmp_path / name, "new")
    assert str(error.value) == (
        f"{tmp_path / name}: expected IDX files, a folder of images by class, a zip, tar, CSV, "
        f".npz or Parquet file, found {found}"
    )


def test_wrong_data_leave_the_catalogue_as_it_was(tmp_path, catalogue):
    before = catalogue.read_bytes()
    with pytest.raises(UserError, match=r"pets.classes: expected at least two names, each once"):
        add(zipped(tmp_path / "pets.zip", {"cat/1.png": picture(1)}), "pets")
    assert catalogue.read_bytes() == before
