import numpy as np
import pytest

from imagesets import images, labels
from imagesets.formats import Parts
from studykit.errors import UserError
from tests.imagesets.making import entry, picture, zipped


def parts(names, num_train):
    """Images that all differ."""
    x = np.arange(len(names), dtype=np.uint8).reshape(-1, 1, 1, 1)
    return Parts(x, np.array(names), num_train)


def refusal(given, **values):
    with pytest.raises(UserError) as error:
        images.divide(given, entry(**values))
    return str(error.value)


CLASSES = ["cat", "dog", "owl"]


def test_labels_are_names_of_classes_or_their_numbers():
    assert labels.number(np.array(["owl", "cat"]), entry()).tolist() == [2, 0]
    assert labels.number(np.array([2, 0]), entry()).tolist() == [2, 0]


def test_numbers_that_are_all_names_are_taken_as_names():
    assert labels.number(np.array([3, 1]), entry(classes=["1", "3"])).tolist() == [1, 0]


def test_beyond_256_classes_labels_take_two_bytes():
    many = entry(classes=list(range(257)))
    assert labels.number(np.array([256, 0]), many).dtype == np.uint16
    assert labels.number(np.array([2, 0]), entry()).dtype == np.uint8


def test_a_label_beyond_the_classes_is_refused_with_the_first_ones_place():
    assert refusal(parts([0, 1, 7, 9], 2)) == (
        "datasets.yaml: pets.classes: expected labels of these 3 classes (cat, dog, owl) or their "
        "numbers from 0 on, received 7 at index 2; name all classes there, or mend the labels"
    )


def test_files_that_mark_test_images_divide_the_data():
    found = images.divide(parts([*CLASSES, *CLASSES], 3), entry())
    assert (found.train.tolist(), found.test.tolist()) == ([0, 1, 2], [3, 4, 5])


def test_a_fraction_of_each_class_is_drawn_for_testing_always_the_same():
    given = parts([*CLASSES] * 10, 30)
    found = images.divide(given, entry(test_fraction=0.2))
    assert np.bincount(found.y[found.test]).tolist() == [2, 2, 2]
    assert sorted([*found.train, *found.test]) == list(range(30))
    again = images.divide(given, entry(test_fraction=0.2))
    assert again.test.tolist() == found.test.tolist()
    other = images.divide(given, entry(test_fraction=0.2, test_seed=1))
    assert other.test.tolist() != found.test.tolist()


def test_a_class_of_two_images_has_one_for_testing():
    found = images.divide(parts([*CLASSES] * 2, 6), entry(test_fraction=0.1))
    assert np.bincount(found.y[found.test]).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            parts([], 0),
            "pets.files: expected at least 2 training images, received 0 images; name "
            "other files, or add images",
        ),
        (
            parts(["cat", "dog"], 1),
            "pets.files: expected at least 2 training images, received 1 image; name "
            "other files, or add images",
        ),
        (
            parts(CLASSES, 3),
            "pets.files: expected test images, found none; say which share of the images "
            "is for testing: datasets.yaml: pets.test_fraction: 0.2",
        ),
        (
            parts(["cat", "owl", "cat"], 2),
            "pets.classes: expected training images of each class, found none of dog; "
            "add images, or remove the class there",
        ),
    ],
    ids=["0", "1", "no test", "no dog"],
)
def test_an_empty_part_or_class_is_refused(given, said):
    assert refusal(given) == f"datasets.yaml: {said}"


def test_a_class_without_test_images_is_warned_of(capsys):
    images.divide(parts([*CLASSES, "cat"], 3), entry())
    assert capsys.readouterr().err == (
        "warning: pets: no test image is of dog, owl: nothing is measured on it\n"
    )


def test_test_images_among_the_training_images_are_counted(capsys):
    given = parts([*CLASSES, *CLASSES], 3)
    given.x[4] = given.x[0]
    images.divide(given, entry())
    assert capsys.readouterr().err == (
        "warning: pets: 1 of 3 test images are among the training images, pixel by pixel; what is "
        "measured on them says little\n"
    )


def test_a_data_set_is_read_from_its_files(tmp_path):
    names = [f"{part}/{name}" for part in ("train", "test") for name in CLASSES]
    zipped(tmp_path / "pets.zip", {f"{n}/1.png": picture(k) for k, n in enumerate(names)})
    found = images.read(tmp_path, entry())
    assert found.x[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert (found.y.tolist(), found.classes) == ([0, 1, 2, 0, 1, 2], CLASSES)
    assert found.test.tolist() == [3, 4, 5]
