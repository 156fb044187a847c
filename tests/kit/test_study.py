"""What the kit is told of a study."""

import pytest

from studykit.dotted import bounds
from studykit.errors import UserError
from studykit.study import Study, load_study


def test_headlines_come_in_the_order_in_which_the_study_names_them():
    study = Study(
        name="s",
        headline={
            "evaluate.{model}.accuracy": "{model} test",
            "train_{model}.val": "{model} val",
            "train.seconds": "seconds",
        },
    )
    metrics = ["train.seconds", "train_a.val", "evaluate.a.accuracy", "evaluate.b.accuracy"]
    metrics += ["evaluate.a.accuracy_low", "evaluate.a.b.accuracy", "train_a.valid"]
    assert list(study.headlines(metrics).items()) == [
        ("evaluate.a.accuracy", "a test"),
        ("evaluate.b.accuracy", "b test"),
        ("train_a.val", "a val"),
        ("train.seconds", "seconds"),
    ]


def test_metrics_of_older_commits_have_their_present_names():
    renamed = {
        "evaluate.{model}.test.{key}": "test.{model}.{key}",
        "{file}.{model}.accuracy_{end}": "{file}.{model}.{end}",
    }
    before = {"evaluate.a.test.accuracy_low": 1, "evaluate.a.b.test.loss": 2, "test.a.loss": 3}
    assert Study(name="s", renamed=renamed).by_present_name(before) == {
        "test.a.low": 1,  # by both rules, one after the other
        "evaluate.a.b.test.loss": 2,  # `{model}` is one part of a name
        "test.a.loss": 3,
    }


@pytest.mark.parametrize(
    ("key", "rule", "lacking"),
    [
        ("renamed", '"{a}.x": "{b}.x"', "{a}.x: expected each word in braces once, and those of"),
        ("headline", '"{model}.{model}": "x"', "{model}.{model}: expected each word in braces"),
    ],
)
def test_a_pattern_that_fits_nothing_is_refused_in_a_line(tmp_path, key, rule, lacking):
    (tmp_path / "studykit.yaml").write_text(f"name: s\n{key}:\n  {rule}\n")
    with pytest.raises(UserError) as error:
        load_study(tmp_path)
    assert str(error.value).startswith(f"studykit.yaml: {key}: Value error, {lacking}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "mark", "known", "ends"),
    [
        ("test.a.accuracy", ".", ["test.a.low"], ("test.a.low", "test.a.high")),
        ("a.accuracy", ".", ["a.accuracy_high", "a.low"], ("a.accuracy_low", "a.accuracy_high")),
        ("test_accuracy", "_", ["test_low"], ("test_low", "test_high")),
        ("accuracy", ".", ["low"], ("low", "high")),
    ],
)
def test_the_interval_of_a_metric_has_its_name_or_stands_beside_it(name, mark, known, ends):
    assert bounds(name, known, mark) == ends
