"""Summaries of runs: read from real experiments, grouped over seeds, laid out, written as pages."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from studykit import cli
from studykit.errors import UserError
from studykit.records.revisions import resolve
from studykit.runs.entries import Entry, Origin, read_entries
from studykit.runs.groups import compare_with_first, group_by_configuration, main_metric
from studykit.runs.seeds import mean_over_seeds, paired_t_test
from studykit.runs.selection import order, parse_condition, select
from studykit.runs.table import Column, fit
from studykit.runs.words import (
    common_beginning,
    say_difference,
    say_interval,
    say_number,
    say_params,
    say_time,
    short_keys,
    shorten,
)
from studykit.study import load_study
from tests.kit.small_pipeline import write
from tests.tiny_study import ENVIRONMENT, ROOT


def run(capsys, *words):
    """Exit status, and what the command `runs` printed."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["runs", *words])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def rows(text):
    """The lines of a table, below its titles, without what follows it."""
    return text.split("\n\n")[0].splitlines()


# From real experiments


@pytest.mark.slow
def test_each_run_is_a_line_with_what_differs_and_the_best_comes_first(seeded, capsys):
    status, out, err = run(capsys)
    assert (status, err) == (0, "")
    lines = [line for line in rows(out) if line.rstrip()[-3:-2] == ":" or "workspace" in line]
    assert [line.split()[0] for line in lines] == [
        "sweep-rate=2,seed=2", "sweep-rate=2,seed=1", "sweep-rate=2,seed=0", "sweep-rate=1,seed=1",
        "workspace", "main", "half",
    ]  # fmt: skip
    assert lines[0].split()[1:6] == ["rate=2", "seed=2", "0.6600", ".6400–.6800", "0.7600"]
    assert lines[3].split()[1:3] == ["seed=1", "0.5200"]
    assert "rate: train.rate" in out


@pytest.mark.slow
def test_a_metric_of_a_stage_that_has_not_run_is_not_the_experiments(seeded, capsys):
    _, out, _ = run(capsys, "half", "main")
    assert rows(out)[-1].split()[:4] == ["half", "rate=3", "–", "0.8000"]
    assert "–: not run with these parameters: test" in out
    (entry,) = read_entries([resolve("half")], load_study())
    assert "test.accuracy" not in entry.metrics
    assert entry.stale == ("test",)
    write(
        seeded / "params.yaml", (seeded / "params.yaml").read_text().replace("rate: 1", "rate: 7")
    )
    (workspace,) = read_entries([resolve("workspace")], load_study())
    assert workspace.metrics == {}
    assert workspace.differs == {"train.rate": 7}


@pytest.mark.slow
def test_grouped_over_seeds_each_configuration_counts_a_seed_once(seeded, capsys):
    status, out, _ = run(capsys, "--group", "--json")
    assert status == 0
    best, other = json.loads(out)
    assert best["setting"]["train.rate"] == 2
    assert sorted(best["names"]) == [f"sweep-rate=2,seed={seed}" for seed in range(3)]
    # The workspace and `main` are one run: rate 1, seed 0.
    assert other["metrics"]["test.accuracy"]["n"] == 2
    values = [0.6, 0.62, 0.66]
    low, high = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    mean = best["metrics"]["test.accuracy"]
    assert [mean["mean"], mean["low"], mean["high"]] == pytest.approx([np.mean(values), low, high])
    difference = other["metrics"]["test.accuracy"]["difference"]
    assert difference["mean"] == pytest.approx(-0.1)
    assert difference["n"] == 2
    text = run(capsys, "--group")[1]
    assert "Without test accuracy, so left out: 1 of the runs." in text
    assert [line.split()[:2] for line in rows(text)[-2:]] == [["rate=2", "3"], ["rate=1", "2"]]


@pytest.mark.slow
def test_csv_and_json_hold_whole_names_and_no_nan(seeded, capsys):
    _, out, _ = run(capsys, "--json", "sweep*")
    assert "NaN" not in out
    first = json.loads(out)[0]
    assert first["params"]["train.rate"] == 2
    assert first["commit"] == resolve("sweep-rate=2,seed=2").commit
    _, out, _ = run(capsys, "--csv")
    table = list(csv.DictReader(io.StringIO(out)))
    assert [row["name"] for row in table][:2] == ["sweep-rate=2,seed=2", "sweep-rate=2,seed=1"]
    assert table[0]["test.accuracy"] == "0.66"
    assert table[0]["train.rate"] == "2"


@pytest.mark.slow
def test_pages_hold_their_picture_or_have_it_beside_them(seeded, capsys, tmp_path):
    page, readme = tmp_path / "page.html", tmp_path / "runs.md"
    for word, path in (("--html", page), ("--md", readme)):
        for group in ([], ["--group"]):
            assert run(capsys, word, str(path), *group) == (0, "", "")
    text = page.read_text()
    assert "<svg" in text
    assert "http-equiv" not in text
    assert not [word for word in ('src="', "url(http", "<link") if word in text]
    assert "train.rate=2" in text
    assert "![" in readme.read_text()
    assert "](runs.svg)" in readme.read_text()
    assert (tmp_path / "runs.svg").read_text().count("<svg") == 1
    before = (tmp_path / "runs.svg").read_bytes()
    run(capsys, "--md", str(readme), "--group")
    assert (tmp_path / "runs.svg").read_bytes() == before


@pytest.mark.slow
def test_a_reader_that_leaves_ends_any_command_quietly(seeded):
    for command in ("runs", "runs --csv", "stale", "sweep --help", "--help"):
        # A pipe whose reader has gone before the command writes.
        line = f"{sys.executable} -m studykit.cli {command} | true; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", line],
            env=ENVIRONMENT | {"PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == "", command
        assert done.stdout.strip() in ("0", "141"), command


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing*"], "runs: expected names and conditions that fit a run, found none that fits"),
        (["--where", "train.rat=1"], "--where train.rat: expected a parameter, found none of that "
         "name; did you mean train.rate?"),
        (["--where", "rate"], "--where rate: expected KEY, one of = != < <= > >=, and a value"),
        (["--where", "seed>a"], "--where seed>a: expected a number after >, received 'a'"),
        (["--sort", "test.acuracy"], "--sort test.acuracy: expected name, when, a metric or a "
         "parameter, found none of that name; did you mean test.accuracy?"),
    ],
)  # fmt: skip
def test_a_users_mistake_is_one_line(seeded, capsys, words, message):
    assert run(capsys, *words) == (1, "", f"error: {message}\n")


@pytest.mark.parametrize("value", ["2001-99-99", "!!int x", "[", "[" * 200, "\0", "\udce9"])
def test_a_condition_on_no_value_is_told(value):
    with pytest.raises(UserError, match=r"--where .*: expected "):
        parse_condition(f"rate={value}")


# By numbers worked out elsewhere


def test_means_and_paired_tests_are_scipys():
    rng = np.random.default_rng(0)
    first = dict(zip("abcde", rng.normal(0.96, 0.01, 5), strict=True))
    second = dict(zip("bcdef", rng.normal(0.97, 0.01, 5), strict=True))
    shared = [(first[seed], second[seed]) for seed in "bcde"]
    expected = stats.ttest_rel([b for _, b in shared], [a for a, _ in shared])
    found = paired_t_test(first, second, confidence=0.9)
    low, high = expected.confidence_interval(0.9)
    assert found.n == 4
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((low, high))
    mean = mean_over_seeds(list(first.values()), confidence=0.95)
    interval = stats.t.interval(0.95, 4, np.mean([*first.values()]), stats.sem([*first.values()]))
    assert (mean.low, mean.high) == pytest.approx(interval)


def test_what_one_seed_or_none_can_say():
    assert mean_over_seeds([0.5], confidence=0.95) == (0.5, None, None, 1)
    assert paired_t_test({"a": 1.0}, {"b": 1.0}, confidence=0.95) is None
    assert paired_t_test({"a": 1.0}, {"a": 1.5}, confidence=0.95) == (0.5, None, None, 1, None)
    same = paired_t_test({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0}, confidence=0.95)
    assert same == (0.0, 0.0, 0.0, 2, 1.0)


def entry(name, accuracy, seed, code="c", **setting):
    origin = Origin(setting, {"seed": seed}, code, frozenset(["train"]))
    return Entry(name, metrics={"accuracy": accuracy}, origins={"accuracy": origin})


def test_other_code_is_another_configuration():
    entries = [entry("a", 0.5, 0), entry("b", 0.6, 1), entry("c", 0.7, 2, code="other")]
    groups = group_by_configuration(entries, "accuracy", ["accuracy"])
    assert [group.size for group in groups] == [2, 1]
    compare_with_first(groups, ["accuracy"])
    assert groups[1].differences == {}


def test_p_values_of_several_comparisons_are_corrected():
    values = {1: (0.5, 0.52, 0.51), 2: (0.61, 0.6, 0.63), 3: (0.53, 0.56, 0.52)}
    entries = [
        entry(f"{size}{seed}", value, seed, size=size)
        for size, found in values.items()
        for seed, value in enumerate(found)
    ]
    groups = group_by_configuration(entries, "accuracy", ["accuracy"])
    compare_with_first(groups, ["accuracy"])
    raw = [stats.ttest_rel(values[size], values[1]).pvalue for size in (2, 3)]
    small, large = sorted(raw)
    corrected = sorted(group.p_values["accuracy"] for group in groups[1:])
    assert corrected == pytest.approx([2 * small, max(2 * small, large)])


def test_the_metric_that_decides_is_the_first_that_most_runs_have():
    def having(*names):
        return Entry("e", metrics=dict.fromkeys(names, 0.5))

    headlines = {"test": "", "val": ""}
    assert main_metric([having("test", "val"), having("test"), having("val")], headlines) == "test"
    assert main_metric([having("test", "val"), having("val")], headlines) == "val"
    assert main_metric([], {}) is None
    # A sweep of what concerns one model leaves the other's accuracy as it is: that tells nothing.
    swept = [Entry("e", metrics={"test": 0.5, "val": value}) for value in (0.1, 0.2, 0.3)]
    assert main_metric(swept, headlines) == "val"


# Selection


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("train.units=20", True), ("train.units!=20", False), ("train.units>=20", True),
        ("train.units>20", False), ("train.units<=20.5", True), ("train.rate=1e-3", True),
        ("train.filters=[1, 2]", True), ("train.name=relu", True), ("train.name>1", False),
    ],
)  # fmt: skip
def test_conditions_compare_values_as_yaml_has_them(text, holds):
    params = {"train.units": 20, "train.rate": 0.001, "train.filters": [1, 2], "train.name": "relu"}
    entries = [Entry("e", params=params)]
    assert bool(select(entries, conditions=[parse_condition(text)])) == holds


def test_those_without_a_value_come_last_in_either_order():
    entries = [Entry("a"), Entry("b", metrics={"m": 0.1}), Entry("c", metrics={"m": 0.2}),
               Entry("d", metrics={"m": float("nan")})]  # fmt: skip
    names = [[e.name for e in order(entries, "m", {"m": "M"}, reverse=r)] for r in (False, True)]
    assert names == [["c", "b", "a", "d"], ["b", "c", "a", "d"]]


# Words and layout


def test_names_are_shortened_in_the_middle_and_keys_to_what_tells_them_apart():
    assert shorten("mnist-units=20-abcdef0", 12) == "mnist…bcdef0"
    assert shorten("short", 5) == "short"
    assert common_beginning(["a,x=10-1", "a,x=12-2"]) == "a,x="
    assert common_beginning(["only"]) == ""
    assert short_keys(["a.units", "b.units", "a.rate"]) == {
        "a.units": "a.units", "b.units": "b.units", "a.rate": "rate",
    }  # fmt: skip
    assert short_keys(["f.yaml:x.y", "x.z"]) == {"f.yaml:x.y": "y", "x.z": "z"}


def test_numbers_and_intervals_are_brief():
    assert say_number(27580) == "27,580"
    assert say_number(0.96384) == "0.9638"
    assert say_number(-0.5) == "−0.5000"
    assert say_interval(0.9638, 0.95996, 0.96729) == "0.9638 .9600–.9673"
    assert say_interval(0.01, -0.02, 0.04) == "0.0100 −.0200 to .0400"
    difference = paired_t_test({"a": 1.0, "b": 1.0}, {"a": 0.9, "b": 0.92}, confidence=0.95)
    assert say_difference(difference, 0.0704) == "−0.0900 −.2171 to .0371 p=0.07"
    assert say_params({"a.seed": 1, "b.seed": 1, "u": 2}, {}, ["a.seed", "b.seed"]) == "u=2 seeds=1"
    assert say_params({"a.seed": 1, "b.seed": 2}, {}, ["a.seed", "b.seed"]) == "a.seed=1 b.seed=2"


def test_a_time_is_said_as_ls_does(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    now = 1_750_000_000  # 15 June 2025, 15:06
    assert say_time(now - 3600, now) == "14:06"
    assert say_time(now - 86_400 * 3, now) == "12 Jun"
    assert say_time(now - 86_400 * 300, now) == "Aug 2024"
    assert say_time(None, now) == ""


def test_a_table_gives_up_what_is_last_and_keeps_to_its_width():
    columns = [
        Column("name", ["a-very-long-name-of-a-run-0123456", "b"], least=10),
        Column("first metric", ["0.9 .8–.9", "0.9 .8–.9"], ["0.9", "0.9"]),
        Column("second metric", ["0.5 .4–.6", "–"], ["0.5", "–"], may_go=True),
        Column("third", ["0.1", "0.2"], may_go=True),
    ]
    for width in (100, 60, 50, 40, 32):
        text, left_out = fit(columns, width)
        assert max(map(len, text.splitlines())) <= width
        assert ".8–.9" in text
        assert ("second metric" in left_out) == (width < 43)
    assert fit(columns, 100)[0].splitlines()[2].split() == [
        "a-very-long-name-of-a-run-0123456", "0.9", ".8–.9", "0.5", ".4–.6", "0.1",
    ]  # fmt: skip
