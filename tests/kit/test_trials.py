"""Which trials a command line is, and what they are called."""

import shutil
import subprocess

import pytest

from studykit.errors import UserError
from studykit.trials.trials import done, expand, grid, last_error, lines, seeds
from tests.tiny_study import ENVIRONMENT, ROOT


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """What names depend on, in a folder to change, with a commit."""
    for name in ("src", "stages"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("dvc.yaml", "params.yaml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    for command in ("init -q", "commit -q --allow-empty -m first"):
        subprocess.run(["git", *command.split()], env=ENVIRONMENT, check=True)
    return tmp_path


def overrides(*choices, **options):
    return [trial.overrides for trial in expand(*choices, **options)]


def names(*words, **options):
    return [trial.name for trial in expand(grid(words), **options)]


def test_values_of_several_parameters_are_multiplied():
    assert overrides(grid(["train_cnn.dropout=0.1,0.2", "train_cnn.units=[1],2"])) == [
        {"train_cnn.dropout": 0.1, "train_cnn.units": [1]},
        {"train_cnn.dropout": 0.1, "train_cnn.units": 2},
        {"train_cnn.dropout": 0.2, "train_cnn.units": [1]},
        {"train_cnn.dropout": 0.2, "train_cnn.units": 2},
    ]


@pytest.mark.parametrize(
    ("vary", "keys"),
    [
        ("split", ["preprocess.seed"]),
        ("weights", ["compute.seed"]),
        ("both", ["preprocess.seed", "compute.seed"]),
    ],
)
def test_trial_k_has_seed_k(vary, keys):
    assert overrides(seeds(2, vary)) == [
        dict.fromkeys(keys, 0),
        dict.fromkeys(keys, 1),
    ]


def test_a_line_of_a_file_is_a_trial(project):
    (project / "trials.txt").write_text(
        "# dropout\ntrain_cnn.dropout=0.1 train_cnn.units=50\n\ntrain_cnn.dropout=0.2\n"
    )
    assert overrides(lines("trials.txt"), grid([]), seeds(2, "weights")) == [
        {"train_cnn.dropout": 0.1, "train_cnn.units": 50, "compute.seed": 0},
        {"train_cnn.dropout": 0.1, "train_cnn.units": 50, "compute.seed": 1},
        {"train_cnn.dropout": 0.2, "compute.seed": 0},
        {"train_cnn.dropout": 0.2, "compute.seed": 1},
    ]


def test_the_same_trial_twice_is_one_trial():
    assert len(expand(grid(["train_cnn.dropout=0.1,0.1"]))) == 1


def test_what_dvc_is_given_reads_back_as_the_same_values():
    words = ["train_cnn.filters=[4, 4, 4]", 'train_cnn.optimizer="adam"', "compute.seed=1"]
    (trial,) = expand(grid(words))
    assert trial.words == words
    assert grid(trial.words) == [trial.overrides]


def test_a_bad_value_is_the_trials_own_error():
    good, bad = expand(grid(["train_cnn.dropout=0.1,1.5"]))
    assert good.error is None
    assert bad.error == (
        "params.yaml: train_cnn.dropout: expected a number in [0, 1), received 1.5"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train_cnn.dropuot=1"], "none of that name; did you mean train_cnn.dropout?"),
        (["train_cnn.dropout.x=1"], "train_cnn.dropout.x: expected a parameter of params.yaml"),
        (["nonsense"], "nonsense: expected KEY=VALUE or KEY=VALUE,VALUE"),
        (["+train_cnn.new=1"], "[+]train_cnn.new=1: expected KEY=VALUE"),
        (["compute.seed=1", "compute.seed=2"], "compute.seed: expected once, received twice"),
    ],
)
def test_a_wrong_parameter_is_the_commands_error(words, message):
    with pytest.raises(UserError, match=message) as error:
        names(*words)
    assert "\n" not in str(error.value)


def test_a_seed_cannot_be_given_in_two_ways():
    with pytest.raises(UserError, match=r"compute.seed: expected once, received twice"):
        expand(grid(["compute.seed=1"]), seeds(2))


def test_an_unknown_stage_is_an_error():
    with pytest.raises(UserError, match=r"trian: expected a stage of dvc.yaml: fetch, preprocess"):
        names(target="trian")


def test_a_mistake_in_a_file_is_named_by_its_line(project):
    (project / "trials.txt").write_text("compute.seed=1\ncompute.seed\n")
    with pytest.raises(UserError, match=r"trials.txt:2: compute.seed: expected KEY=VALUE"):
        lines("trials.txt")
    with pytest.raises(UserError, match=r"none.txt: No such file"):
        lines("none.txt")


def test_a_name_is_readable_and_a_git_ref():
    (name,) = names("train_cnn.filters=[4, 4, 4]", "fetch.sources=['npm:a@{1/..']")
    assert name.startswith("train_cnn.filters=4,4,4,fetch.sources=npm-a-1-")
    subprocess.run(["git", "check-ref-format", f"refs/exps/{name}"], check=True)
    assert names()[0].startswith("default-")


def edit(path, text):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "target", "changes"),
    [
        ("src/mnist_study/networks.py", "evaluate", True),
        ("stages/fetch.py", "evaluate", True),
        ("src/mnist_study/networks.py", "preprocess", False),
        ("src/mnist_study/report.py", "evaluate", False),
        ("README.md", "evaluate", False),
    ],
)
def test_a_name_changes_with_the_code_that_it_depends_on(project, path, target, changes):
    before = names("train_cnn.dropout=0.1", target=target)
    assert names("train_cnn.dropout=0.1", target=target) == before
    edit(project / path, "\n# a comment\n")
    subprocess.run(["git", "commit", "-qam", "edit"], env=ENVIRONMENT, check=False)
    assert (names("train_cnn.dropout=0.1", target=target) != before) is changes


def test_a_name_changes_with_the_parameters_that_it_depends_on(project):
    before = names("train_cnn.dropout=0.1")
    params = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params.replace("errors: 40", "errors: 41"))
    assert names("train_cnn.dropout=0.1") == before
    (project / "params.yaml").write_text(params.replace("val_fraction: 0.15", "val_fraction: 0.2"))
    assert names("train_cnn.dropout=0.1") != before


def test_an_experiment_of_that_name_is_that_trial_whatever_its_baseline():
    first, second = expand(grid(["train_cnn.dropout=0.1,0.2"]))
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    ref = f"refs/exps/ab/{'cd' * 19}/{second.name}"
    subprocess.run(["git", "update-ref", ref, commit], check=True)
    assert done([first, second]) == {second.name: commit}


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            "> python\nerror: params.yaml: x\n  hint\nERROR: failed to reproduce 'a'\n",
            "params.yaml: x",
        ),
        (
            "Traceback\nValueError: y\nERROR: failed to reproduce 'a': exited with 1\n",
            "ValueError: y",
        ),
        (
            "ERROR: failed to reproduce 'a': missing b\n",
            "ERROR: failed to reproduce 'a': missing b",
        ),
        ("", "it said nothing"),
    ],
)
def test_a_failure_is_told_in_a_line(output, said):
    assert last_error(output) == said
