import io
import tarfile

import pytest

from imagesets.formats import folder as reader
from studykit.errors import UserError
from tests.imagesets.making import entry, named, picture, zipped


def tarred(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def read(path, fit=False, **values):
    return reader.read(path.parent, entry(files=named(path.name), **values), fit)


def levels(parts):
    return parts.x[:, 0, 0, 0].tolist()


PETS = {
    "pets/train/cat/1.png": picture(1),
    "pets/test/dog/2.png": picture(2),
    "pets/train/owl/3.PNG": picture(3),
    "pets/validation/dog/4.png": picture(4),
}


@pytest.mark.parametrize(
    ("name", "pack"), [("p.zip", zipped), ("p.tar", tarred), ("p.tar.gz", tarred)]
)
def test_training_images_come_first_each_in_the_archives_order(tmp_path, name, pack):
    parts = read(pack(tmp_path / name, PETS))
    assert levels(parts) == [1, 3, 4, 2]
    assert parts.labels.tolist() == ["cat", "owl", "dog", "dog"]
    assert parts.num_train == 3
    assert parts.x.shape == (4, 4, 4, 1)


def test_without_folders_named_train_and_test_all_images_are_for_training(tmp_path):
    path = zipped(tmp_path / "p.zip", {"cat/1.png": picture(1), "dog/2.png": picture(2)})
    parts = read(path)
    assert (parts.num_train, parts.labels.tolist()) == (2, ["cat", "dog"])


def test_an_archive_may_be_all_for_testing(tmp_path):
    zipped(tmp_path / "a.zip", {"cat/1.png": picture(1)})
    zipped(tmp_path / "b.zip", {"dog/2.png": picture(2)})
    values = {"files": named("a.zip", "b.zip"), "train": ["a.zip"], "test": ["b.zip"]}
    parts = reader.read(tmp_path, entry(**values), False)
    assert (levels(parts), parts.num_train) == ([1, 2], 1)


def test_hidden_files_and_what_is_no_image_are_left_out(tmp_path):
    others = {
        "__MACOSX/cat/1.png": b"x",
        "cat/.hidden.png": b"x",
        ".git/cat/1.png": b"x",
        "cat/readme.txt": b"x",
    }
    assert levels(read(zipped(tmp_path / "p.zip", others | {"cat/1.png": picture(1)}))) == [1]


def test_a_name_that_leads_out_of_the_archive_is_left_out_and_nothing_is_written(tmp_path):
    (tmp_path / "in").mkdir()
    members = {"../cat/1.png": picture(1), "cat/2.png": picture(2)}
    assert levels(read(tarred(tmp_path / "in" / "p.tar", members))) == [2]
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "p.tar"]


def test_one_coloured_image_gives_all_three_channels(tmp_path):
    members = {"cat/1.png": picture(1), "cat/2.png": picture((5, 6, 7)), "dog/3.png": picture(3)}
    parts = read(zipped(tmp_path / "p.zip", members))
    assert parts.x[:, 0, 0].tolist() == [[1, 1, 1], [5, 6, 7], [3, 3, 3]]


def test_images_are_fitted_to_the_entrys_size(tmp_path):
    path = zipped(tmp_path / "p.zip", {"cat/1.png": picture(9, (8, 4))})
    assert read(path, fit=True, size=[4, 4]).x[0, 0, :, 0].tolist() == [0, 9, 9, 0]


NO_CLASS = (
    "expected CLASS/FILE, train/CLASS/FILE or test/CLASS/FILE, received an image in no class; put "
    "it into its class's folder"
)
LION = "expected a class of datasets.yaml: pets.classes, received lion; add it there"
SMALL = (
    "expected a picture of 4 × 4 as the others, received 3 × 4; scale all to one size: "
    "dvc exp run -S data.sizes=fit"
)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"lion/1.png": picture(1)}, f"lion/1.png: {LION}"),
        ({"1.png": picture(1)}, f"1.png: {NO_CLASS}"),
        ({"test/1.png": picture(1)}, f"test/1.png: {NO_CLASS}"),
        ({"cat/1.png": picture(1), "dog/2.png": picture(1, (3, 4))}, f"dog/2.png: {SMALL}"),
    ],
    ids=["class", "no class", "no class in test", "size"],
)
def test_a_wrong_image_is_named_with_its_archive(tmp_path, members, said):
    path = zipped(tmp_path / "p.zip", members)
    with pytest.raises(UserError) as error:
        read(path)
    assert str(error.value) == f"{path}: {said}"


@pytest.mark.parametrize("cut", [30, 400])
def test_a_truncated_archive_is_to_be_fetched_again(tmp_path, cut):
    path = tarred(tmp_path / "p.tar.gz", PETS)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(UserError, match=r"p.tar.gz: expected a whole zip or tar archive.* again$"):
        read(path)


def test_classes_are_sorted_numbers_by_value_and_the_usual_size_is_told(tmp_path, capsys):
    members = {f"{name}/1.png": picture(1) for name in ("b", "10", "9")}
    zipped(tmp_path / "p.zip", members | {"a/1.png": picture(1, (5, 4))})
    assert reader.guess(tmp_path, ["p.zip"]) == {"classes": ["9", "10", "a", "b"], "size": [4, 4]}
    assert capsys.readouterr().err == (
        "warning: pictures of 2 sizes, most of 4 × 4: the study refuses the others, or scales them "
        "with data.sizes=fit\n"
    )
