"""What is called a loss, noise or a change, by hand-made results."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from studykit.compare.changes import Change, Rerun, compare_stages
from studykit.compare.comparison import compare
from studykit.compare.metrics import compare_accuracies, judge_tolerance
from studykit.compare.models import example_groups
from studykit.compare.render import to_text
from studykit.compare.results import Results
from studykit.compare.sections import Section, make_sections, metric_row, model_table
from studykit.compare.settings import DiffSettings, Tolerance
from studykit.compare.text import draw_braille, draw_braille_grid, draw_sparkline
from studykit.compare.verdict import no_longer_holds
from studykit.compare.wording import say_difference, say_number
from studykit.records.lock import Lock, LockedStage

SETTINGS = DiffSettings(significance=0.05, threshold=0.001, images=12)


def predict(wrong, images=1000):
    """A table in which the given rows are wrong, and the rest right."""
    label = np.arange(images) % 10
    prediction = label.copy()
    prediction[list(wrong)] = (prediction[list(wrong)] + 1) % 10
    return pd.DataFrame({"label": label, "prediction": prediction})


def results(label="a", **given):
    values = {
        "params": {}, "lock": Lock({}), "metrics": {"train.loss": 0.5}, "claims": {},
        "predictions": {"net": predict(range(50))}, "histories": {}, "examples": {}, "stale": {},
    }  # fmt: skip
    return Results(label=label, **(values | given))


def judge(before, after, **settings):
    """Judgement of one net by the rows that it gets wrong."""
    accuracies, *_ = compare_accuracies(
        {"net": predict(before)},
        {"net": predict(after)},
        SETTINGS.model_copy(update=settings),
    )
    return accuracies[0]


def test_ten_images_lost_and_none_won_is_a_loss():
    metric = judge(range(50), range(60))
    assert metric.judgement == "loss"
    assert metric.p_value == pytest.approx(2 * 0.5**10)
    assert (metric.before, metric.after) == (0.95, 0.94)
    assert metric.difference == pytest.approx(-0.01)


def test_five_images_lost_and_none_won_may_be_chance():
    metric = judge(range(50), range(55))
    assert metric.p_value == pytest.approx(2 * 0.5**5)  # 0.0625
    assert metric.judgement == "noise"


def test_what_is_won_counts_against_what_is_lost():
    lost_and_won = [*range(10, 50), *range(50, 62)]  # 12 lost, 10 won
    assert judge(range(50), lost_and_won).judgement == "noise"


def test_ten_images_won_is_a_gain():
    assert judge(range(50), range(40)).judgement == "gain"


def test_the_same_predictions_are_unchanged():
    assert judge(range(50), range(50)).judgement == "unchanged"


def test_a_significant_loss_below_the_threshold_is_not_a_loss():
    assert judge(range(50), range(60), threshold=0.011).judgement == "small loss"
    assert judge(range(50), range(60), threshold=0.01).judgement == "loss"


def test_more_changed_nets_need_stronger_evidence():
    before = {"a": predict(range(50)), "b": predict(range(50))}
    six_lost = {"a": predict(range(56))}  # p = 0.03125 alone, 0.0625 as one of two
    six_and_one_lost = six_lost | {"b": predict(range(51))}
    for changed, judgement in ((six_lost, "loss"), (six_and_one_lost, "noise")):
        accuracies, *_ = compare_accuracies(before, before | changed, SETTINGS)
        assert accuracies[0].judgement == judgement


def test_other_test_images_make_no_pairs():
    other = predict(range(50)).iloc[::-1].reset_index(drop=True)
    accuracies, flips, unpaired = compare_accuracies(
        {"net": predict(range(50))}, {"net": other}, SETTINGS
    )
    assert (accuracies, flips) == ([], [])
    assert unpaired == {"net": "the test examples of {} are not the same"}
    comparison = compare(results(), results(predictions={"net": other}), SETTINGS)
    assert comparison.status == 2


def test_flips_name_the_images():
    _, flips, _ = compare_accuracies(
        {"net": predict([3, 4])}, {"net": predict([4, 7, 9])}, SETTINGS
    )
    assert (flips[0].broken, flips[0].mended) == ([7, 9], [3])


@pytest.mark.parametrize(
    ("before", "after", "judgement"),
    [
        (0.5, 0.5, "unchanged"),
        (0.5, 0.54, "within tolerance"),
        (0.5, 0.56, "moved"),
        (0.5, 0.46, "within tolerance"),
        (0.5, 0.44, "moved"),
        (None, 0.5, "new"),
        (0.5, None, "gone"),
    ],
)
def test_a_metric_without_a_test_has_a_tolerance(before, after, judgement):
    absolute = {"other": Tolerance(absolute=9), "train.*": Tolerance(absolute=0.05)}
    relative = {"*loss": Tolerance(relative=0.1), "train.*": Tolerance(absolute=9)}
    for tolerances in (absolute, relative):
        assert judge_tolerance("train.loss", before, after, tolerances) == judgement


def test_without_a_tolerance_any_change_is_one():
    assert judge_tolerance("loss", 0.5, 0.5 + 1e-9, {}) == "moved"


def test_a_metric_that_moved_fails_nothing():
    moved = {"train.loss": 9.0, "net.accuracy": 0.95, "net.accuracy_low": 0.9}
    comparison = compare(results(), results(metrics=moved), SETTINGS)
    assert comparison.status == 0
    assert comparison.verdict == "No significant loss: net.accuracy is 95.00%, as before."
    sections = make_sections(comparison, results(), results(), images=1)
    (others,) = (section for section in sections if section.title.startswith("Other metrics"))
    assert others.title == "Other metrics that changed, 1 of them beyond their tolerance"
    assert others.rows[1:] == [("train.loss", "0.5", "9", "+8.5", "moved")]


def test_a_renamed_metric_is_gone_and_new_and_its_accuracy_still_tested():
    before = results(
        metrics={"evaluate.net.test.accuracy": 0.95},
        accuracies={"net": "evaluate.net.test.accuracy"},
    )
    after = results(metrics={"evaluate.net.top1": 0.94}, predictions={"net": predict(range(60))})
    comparison = compare(before, after, SETTINGS)
    assert [(metric.name, metric.judgement) for metric in comparison.metrics] == [
        ("evaluate.net.test.accuracy", "loss"),
        ("evaluate.net.top1", "new"),
    ]
    assert comparison.status == 1


def test_results_of_other_data_and_stale_ones_move_no_metric():
    other = predict(range(50)).iloc[::-1].reset_index(drop=True)
    for after in (
        results(predictions={"net": other}, metrics={"train.loss": 9.0}),
        results(predictions={"net": predict(range(90))}, metrics={"train.loss": 9.0},
                stale={"train": ["x"]}),
    ):  # fmt: skip
        comparison = compare(results(), after, SETTINGS)
        assert comparison.status == 2
        assert {metric.judgement for metric in comparison.metrics} == {"not compared"}


def test_a_table_may_have_an_empty_column():
    """Such as that of the intervals, where no model has predictions."""
    table = Section("Models", rows=[("model", ""), ("net", "")])
    text = to_text(compare(results(), results(), SETTINGS), [table], everything=True)
    assert "  model\n  net" in text


def test_a_removed_model_is_told_from_lost_predictions():
    paths = {"models": {"net": "models/net"}}
    removed = results(predictions={"other": predict([])}, metrics={})
    before = results(predictions={"net": predict([]), "other": predict([])}, paths=paths)
    comparison = compare(before, removed, SETTINGS)
    assert comparison.verdict == (
        "Could not compare: net was removed; other.accuracy is 100.00%, as before."
    )
    lost = compare(before, replace(removed, paths=paths), SETTINGS)
    assert lost.verdict.startswith("Could not compare: the predictions of net are gone; ")


def test_lost_predictions_cannot_be_compared():
    comparison = compare(results(), results(predictions={}), SETTINGS)
    assert comparison.status == 2
    assert comparison.verdict == "Could not compare: the predictions of net are gone."


def test_a_new_net_has_nothing_to_lose():
    after = results(
        predictions={"net": predict(range(50)), "other": predict(range(900))},
        metrics={"train.loss": 0.5, "other.accuracy": 0.1},
        accuracies={"other": "other.accuracy"},
    )
    comparison = compare(results(), after, SETTINGS)
    assert comparison.status == 0
    assert comparison.verdict == (
        "No significant loss: net.accuracy is 95.00%, as before; other is new."
    )
    assert model_table(comparison)[1:] == [
        ("net", "95.00%", "0", "", "unchanged"),
        ("other", "– → 10.00%", "", "", "new"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ("reproduced", "refuted", True),
        ("undecided", "refuted", False),
        ("reproduced", None, True),
        ("reproduced", "undecided", False),
        ("refuted", "refuted", False),
        ("refuted", None, False),
        (None, "refuted", False),
        (None, "reproduced", False),
        ("refuted", "reproduced", False),
    ],
)
def test_a_claim_that_held_no_longer_does_when_refuted_or_dropped(before, after, lost):
    assert no_longer_holds(Change("claim", before, after)) is lost


def test_a_claim_that_no_longer_holds_is_a_loss():
    comparison = compare(
        results(claims={"good": {"verdict": "reproduced"}}),
        results(claims={"good": {"verdict": "refuted"}}),
        SETTINGS,
    )
    assert comparison.status == 1
    assert comparison.verdict == "A loss: the claim good no longer holds."


def test_a_claim_that_becomes_undecided_is_noted_only():
    comparison = compare(
        results(claims={"good": {"verdict": "reproduced"}}),
        results(claims={"good": {"verdict": "undecided"}}),
        SETTINGS,
    )
    assert comparison.status == 0
    assert comparison.verdict == "No metric changed; the claim good is now undecided."


def test_stale_results_are_not_compared_however_bad():
    after = results("b", predictions={"net": predict(range(500))}, stale={"train": ["x changed"]})
    comparison = compare(results(), after, SETTINGS)
    assert comparison.status == 2
    assert comparison.verdict == (
        "Could not compare: the results of b are not those of its code: train."
    )


def test_a_stale_base_is_noted():
    comparison = compare(results(stale={"train": ["x changed"]}), results("b"), SETTINGS)
    assert comparison.status == 0
    assert comparison.notes == ["the results of a are not those of its code: train"]


@pytest.mark.parametrize("lacking", ["base", "head"])
def test_a_revision_without_results_cannot_be_compared(lacking):
    empty = results("empty", metrics={}, predictions={})
    pair = (empty, results()) if lacking == "base" else (results(), empty)
    comparison = compare(*pair, SETTINGS)
    assert comparison.status == 2
    assert "empty has no results" in comparison.verdict


def test_examples_are_shown_from_whichever_revision_has_them():
    dark, bright = np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)
    before = results("a", predictions={"net": predict([3])}, examples={3: dark})
    after = results("b", predictions={"net": predict([7])}, examples={7: bright})
    comparison = compare(before, after, SETTINGS)
    assert list(example_groups(comparison, before, after, images=12)) == [
        ("net: 1 example that only a gets right", [bright], ["7: 7 → 8"]),
        ("net: 1 example that only b gets right", [dark], ["3: 4 → 3"]),
    ]


def stage(*, cmd="run", units=30, code="a", out="o"):
    return LockedStage(cmd, {"train.units": units}, {"code.py": code}, {"model": out})


def test_stages_ran_again_for_a_parameter_a_file_or_a_command():
    before = {name: stage() for name in ("same", "param", "file", "command", "forced", "old")}
    after = {
        "same": stage(),
        "param": stage(units=40, out="p"),
        "file": stage(code="b"),
        "command": stage(cmd="run again"),
        "forced": stage(out="p"),
        "fresh": stage(),
    }
    assert compare_stages(before, after) == [
        Rerun("param", ["train.units"]),
        Rerun("file", ["code.py"]),
        Rerun("command", ["command"]),
        Rerun("forced", ["same inputs, other outputs"]),
        Rerun("fresh", ["new stage"]),
        Rerun("old", ["removed"]),
    ]


def test_only_data_and_models_count_as_contents():
    def made(md5):
        outs = dict.fromkeys(("models/a.keras", "metrics/a.json"), md5)
        lock = Lock({"train": LockedStage("run", {}, {}, outs)})
        return results(lock=lock, paths={"models": {"a": "models/a.keras"}})

    comparison = compare(made("1"), made("2"), SETTINGS)
    assert comparison.contents == [Change("models/a.keras", "1", "2")]


def test_what_did_not_change_is_said_so():
    comparison = compare(results(), replace(results(), params={"x": 1}), SETTINGS)
    assert (comparison.verdict, comparison.status) == ("No metric changed.", 0)
    assert comparison.params == [Change("x", None, 1)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (51000, "51,000"), (-9990, "−9,990"), (1234.5, "1,234"), (1e7, "10,000,000"),
        (0.027543, "0.02754"), (-2.5, "−2.5"), (4.9e-56, "< 0.0001"), (0.0, "0"),
    ],
)  # fmt: skip
def test_numbers_are_written_without_powers_of_ten(value, text):
    assert say_number(value) == text


def test_differences_have_a_sign_and_shares_are_in_points():
    assert say_difference(-9990) == "−9,990"
    assert say_difference(0.25) == "+0.25"
    assert say_difference(-0.0057, share=True) == "−0.57"
    assert say_difference(0.0) == "0"
    assert say_difference(-4.9e-56) == "≈ 0"
    assert say_difference(None) == ""


def test_a_sparkline_goes_from_its_lowest_to_its_highest_bar():
    assert draw_sparkline([0, 0.5, 1], 0, 1) == "▁▅█"
    assert draw_sparkline([3, 3], 3, 3) == "▁▁"
    assert draw_sparkline([0] * 120 + [1] * 120, 0, 1) == "▁" * 12 + "█" * 12


def test_braille_draws_two_by_four_pixels_a_character():
    image = np.zeros((28, 28), np.uint8)
    image[0, 0] = 255  # first dot of the first character
    image[27, 27] = 255  # last dot of the last
    image[0, 26] = 50  # too faint
    lines = draw_braille(image)
    assert [len(line) for line in lines] == [14] * 7
    assert lines[0] == "⠁" + "⠀" * 13
    assert lines[6] == "⠀" * 13 + "⢀"


def test_braille_draws_images_of_any_shape():
    assert draw_braille(np.full((5, 3), 255, np.uint8)) == ["⣿⡇", "⠉⠁"]
    large = draw_braille(np.full((100, 65), 255, np.uint8))
    assert (len(large), len(large[0])) == (7, 8)  # 25 × 16 pixels: blocks of 4 × 4


def test_a_caption_that_is_wider_than_its_image_keeps_its_column():
    square = np.full((8, 8), 255, np.uint8)
    lines = draw_braille_grid([square, square], ["cat: cat → dog", "cat"]).splitlines()
    assert lines[0] == "⣿⣿⣿⣿" + "⠀" * 10 + "  " + "⣿⣿⣿⣿" + "⠀" * 10
    assert lines[2] == "cat: cat → dog  cat" + "⠀" * 11


def test_shares_are_in_per_cent_and_their_differences_in_points():
    before = results(metrics={"train.val.accuracy": 0.9771, "train.loss": 0.5, "images": 1200})
    after = results(metrics={"train.val.accuracy": 0.9671, "train.loss": 0.25, "images": 1300})
    metrics = compare(before, after, SETTINGS).metrics
    assert [metric_row(metric) for metric in metrics] == [
        ("net.accuracy", "95.00%", "95.00%", "0", "unchanged"),
        ("train.val.accuracy", "97.71%", "96.71%", "−1.00 points", "moved"),
        ("train.loss", "0.5", "0.25", "−0.25", "moved"),
        ("images", "1,200", "1,300", "+100", "moved"),
    ]


def test_the_ends_of_an_interval_are_told_as_what_they_bound_and_differences_in_points():
    before = {
        "test.a.accuracy": 0.9, "test.a.low": 0.89, "test.a.loss": 0.4,
        "test.b_minus_a.accuracy": -0.01, "test.b_minus_a.low": -0.02, "test.b_minus_a.high": 0.0,
        "train.low": 0.25, "train.loss": 0.5,
    }  # fmt: skip
    after = {name: value + 0.005 for name, value in before.items()}
    comparison = compare(results(metrics=before), results(metrics=after), SETTINGS)
    (others,) = (
        section
        for section in make_sections(comparison, results(), results(), images=1)
        if section.title.startswith("Other metrics")
    )
    assert others.rows[1:] == [
        ("test.a.accuracy", "90.00%", "90.50%", "+0.50 points", "moved"),
        ("test.a.low", "89.00%", "89.50%", "+0.50 points", "moved"),
        ("test.a.loss", "0.4", "0.405", "+0.005", "moved"),
        ("test.b_minus_a.accuracy", "−1.00 points", "−0.50 points", "+0.50 points", "moved"),
        ("test.b_minus_a.low", "−2.00 points", "−1.50 points", "+0.50 points", "moved"),
        ("test.b_minus_a.high", "0", "+0.50 points", "+0.50 points", "moved"),
        ("train.low", "0.25", "0.255", "+0.005", "moved"),
        ("train.loss", "0.5", "0.505", "+0.005", "moved"),
    ]


def test_curves_of_any_metrics_are_compared():
    curve = {
        "epoch": [1, 2],
        "val/accuracy": [0.5, 0.9],
        "val/loss": [1.0, 0.4],
        "train/loss": [1, 0],
    }
    histories = [{"net": pd.DataFrame(curve | {"val/loss": [1.0, last]})} for last in (0.4, 0.5)]
    before, after = (results(histories=history) for history in histories)
    comparison = compare(before, after, SETTINGS)
    sections = make_sections(comparison, before, after, images=1)
    (curves,) = (section for section in sections if section.title == "Validation by epoch")
    assert curves.rows[1:] == [
        ("net val/accuracy", "▁█", "90.00%", "▁█", "90.00%"),
        ("net val/loss", "█▁", "0.4", "█▂", "0.5"),
    ]
