"""A mistake in `params.yaml` ends in one line, whatever the study."""

import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from studykit import params
from studykit.errors import UserError
from studykit.params import Count, Counts, Fraction, Positive, Section, Share, Switch
from studykit.study import Study


class Limits(Section):
    lowest: Fraction


class Train(Section):
    units: Count
    layers: Counts
    rate: Positive
    dropout: Share
    shuffle: Switch
    limits: Limits


class Prepare(Section):
    share: Fraction


class Whole(Section):
    prepare: Prepare
    train: Train


TEXT = """
prepare:
  share: 0.5
train:
  units: 30
  layers: [5, 3, 2]
  rate: 0.001
  dropout: 0.2
  shuffle: true
  limits:
    lowest: 0.1
"""
SCHEMA = """
from studykit.params import Count, Section

class Params(Section):
    units: Count
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the text with replacements as the parameters of the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(*replacements):
        changed = TEXT
        for old, new in replacements:
            assert old in changed
            changed = changed.replace(old, new, 1)
        Path("params.yaml").write_text(changed, encoding="utf-8")

    return write


def load():
    return params.load(prepare=Prepare, train=Train)


def refusal(load=load):
    with pytest.raises(UserError) as error:
        load()
    return str(error.value)


def test_a_section_cannot_be_changed_later(write):
    write()
    loaded = load()
    with pytest.raises(ValidationError, match="frozen"):
        loaded.train.units = 31


def test_a_stage_checks_the_sections_that_it_names_and_no_other(write):
    write(("units: 30", "units: 0"))
    assert params.load(prepare=Prepare).prepare.share == 0.5
    assert refusal() == (
        "params.yaml: train.units: expected a whole number of at least 1, received 0"
    )


def test_a_section_that_a_stage_names_must_be_there(write):
    write(("prepare:\n  share: 0.5\n", ""))
    assert refusal() == "params.yaml: prepare: expected a value, received none"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("units:", "unit:", "train.unit: unknown key, did you mean units?"),
        ("prepare:", "prepar:", "prepar: unknown key, did you mean prepare?"),
        ("lowest:", "lowes:", "train.limits.lowes: unknown key, did you mean lowest?"),
        ("[5, 3, 2]", "[5, 0, 2]", "train.layers.1: expected a whole number of at least 1, "
         "received 0"),
    ],
)  # fmt: skip
def test_the_whole_file_knows_no_other_keys(write, old, new, line):
    write((old, new))
    assert refusal(lambda: params.check(Whole, params.read())) == f"params.yaml: {line}"


def test_several_mistakes_give_a_line_each(write):
    write(("share: 0.5", "share: 2"), ("units: 30", "units: 0"), ("dropout: 0.2", "dropout: -0.1"))
    assert refusal().split("\n") == [
        "params.yaml: prepare.share: expected a number in (0, 1), received 2",
        "params.yaml: train.units: expected a whole number of at least 1, received 0",
        "params.yaml: train.dropout: expected a number in [0, 1), received -0.1",
    ]


def test_a_number_in_scientific_notation_is_a_number(write):
    write(("rate: 0.001", "rate: 1e-3"))
    assert load().train.rate == 0.001


def test_a_whole_number_serves_where_any_number_is_expected(write):
    write(("dropout: 0.2", "dropout: 0"))
    assert load().train.dropout == 0


def test_a_missing_file_is_expected_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal() == "params.yaml: expected in the current folder, the repository's root"


@pytest.mark.parametrize(
    ("content", "received"),
    [("", "none"), ("- 1\n", "a list"), ("fast\n", "text"), ("7\n", "7"), ("true\n", "True")],
)
def test_a_file_without_sections_is_refused(tmp_path, monkeypatch, content, received):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(content)
    assert refusal() == f"params.yaml: expected keys with values, received {received}"


def test_a_section_without_keys_is_refused(write):
    write(("prepare:\n  share: 0.5", "prepare: 40"))
    assert refusal() == "params.yaml: prepare: expected keys with values, received 40"


def test_broken_yaml_is_refused_in_one_line_that_says_where(write):
    write(("layers: [5, 3, 2]", "layers: [5, 3, 2"))
    lines = Path("params.yaml").read_text(encoding="utf-8").splitlines()
    line = lines.index("  layers: [5, 3, 2") + 1
    message = refusal()
    assert message.startswith("params.yaml: expected YAML: while parsing a flow sequence")
    assert f"in line {line}, column 11" in message
    assert "\n" not in message


def test_a_key_given_twice_is_refused_in_one_line_that_names_it(write):
    write(("  units: 30\n", "  units: 30\n  units: 31\n"))
    message = refusal()
    assert message.startswith("params.yaml: expected YAML: ")
    assert 'found duplicate key "units" with value "31" (original value: "30")' in message
    assert "\n" not in message


@pytest.fixture
def schema(tmp_path, monkeypatch):
    """A study whose schema is a module in `src` of the current folder; give the study."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "src").mkdir()
    (tmp_path / "src/schema_of_a_test.py").write_text(SCHEMA)
    return Study(name="a study", params="schema_of_a_test:Params")


def test_all_parameters_are_checked_by_the_schema_that_the_study_names(schema):
    Path("params.yaml").write_text("units: 0\n")
    assert refusal(lambda: params.check_all(schema)) == (
        "params.yaml: units: expected a whole number of at least 1, received 0"
    )
    params.check_values(schema, {"units": 1})


def test_a_study_that_names_no_schema_takes_all_values(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    params.check_all(Study(name="a study"))
    params.check_values(Study(name="a study"), {"units": -1})


@pytest.mark.parametrize("named", ["nowhere.params:Params", "studykit.params:Absent"])
def test_a_schema_that_is_not_there_is_refused(named):
    message = refusal(lambda: params.check_values(Study(name="a study", params=named), {}))
    assert message.startswith("studykit.yaml: params: expected a schema, received: ")
