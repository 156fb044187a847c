"""What the kit is told of a study."""

from studykit.study import Study


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
