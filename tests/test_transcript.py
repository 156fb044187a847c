"""A transcript in the documents shows what was printed, and may leave lines out."""

import pytest

from tests.transcript import Step, differences, write_transcript

STEPS = [
    Step("ann", "dvc push", ["Everything is pushed", "3 files pushed to 0a1b2c3d"]),
    Step("ben", "git pull", ["epoch 1/2", "done"]),
]


@pytest.fixture
def day(tmp_path):
    write_transcript(tmp_path / "day.txt", STEPS)
    return tmp_path / "day.txt"


def test_it_is_written_without_noise(day):
    assert day.read_text() == (
        "ann$ dvc push\nEverything is pushed\n3 files pushed to 0a1b2c3d\nben$ git pull\ndone\n"
    )
    assert differences(day, STEPS) == []


def test_numbers_may_be_others_and_lines_may_be_left_out(day):
    day.write_text("ann$ dvc push\n12 files pushed to ffffff0\nben$ git pull\n")
    assert differences(day, STEPS) == []


@pytest.mark.parametrize(
    ("shown", "unseen"),
    [
        ("ann$ dvc push\nnever printed\nben$ git pull\n", ["never printed"]),
        ("ann$ dvc push\ndone\nben$ git pull\n", ["done"]),  # of another command
        ("ann$ dvc push\n", ["ben$ git pull"]),
        ("ann$ dvc pull\nben$ git pull\n", ["ann$ dvc pull", "ben$ git pull", "ann$ dvc push"]),
    ],
)
def test_what_was_not_printed_is_found(day, shown, unseen):
    day.write_text(shown)
    assert set(unseen) <= set(differences(day, STEPS))
