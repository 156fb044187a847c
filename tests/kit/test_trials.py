"""Which trials a command line is, and what they are called."""

import subprocess

import pytest

from studykit.errors import UserError
from studykit.trials import trials
from studykit.trials.trials import done, expand, grid, last_error, lines, seeds
from tests.tiny_study import ENVIRONMENT

FILES = {
    "dvc.yaml": """
stages:
  prepare:
    cmd: python prepare.py
    deps: [prepare.py, raw]
    params: [prepare.seed, prepare.share]
    outs: [data]
  train:
    cmd: python train.py
    deps: [train.py, library, data/train.csv]
    params: [train, other.json: [depth]]
    outs: [model]
  evaluate:
    cmd: python evaluate.py
    deps: [evaluate.py, model]
    metrics: [metrics.json: {cache: false}]
  report:
    cmd: python report.py
    deps: [report.py, metrics.json]
    params: [report.errors]
    outs: [report.html]
""",
    "params.yaml": """
prepare: {seed: 0, share: 0.1}
train: {seed: 0, dropout: 0.2, layers: [1], optimizer: adam, units: 5}
report: {errors: 40}
""",
    "other.json": '{"depth": 3, "name": "a"}',
    "studykit.yaml": """
name: small
last_stage: evaluate
seeds: {split: [prepare.seed], weights: [train.seed]}
""",
    ".dvcignore": "__pycache__\n*.pyc\n",
    "README.md": "small",
    "prepare.py": "prepare",
    "train.py": "train",
    "evaluate.py": "evaluate",
    "report.py": "report",
    "library/nets.py": "nets",
    "library/data/read.py": "read",
    "raw/a.csv": "1",
}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """What names depend on, in a folder to change, with a commit."""
    for name, content in FILES.items():
        write(tmp_path / name, content)
    monkeypatch.chdir(tmp_path)
    for command in ("init -q", "commit -q --allow-empty -m first"):
        subprocess.run(["git", *command.split()], env=ENVIRONMENT, check=True)
    return tmp_path


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def overrides(*choices, **options):
    return [trial.overrides for trial in expand(*choices, **options)]


def names(*words, **options):
    return [trial.name for trial in expand(grid(words), **options)]


def test_values_of_several_parameters_are_multiplied():
    assert overrides(grid(["train.dropout=0.1,0.2", "train.layers=[1],2"])) == [
        {"train.dropout": 0.1, "train.layers": [1]},
        {"train.dropout": 0.1, "train.layers": 2},
        {"train.dropout": 0.2, "train.layers": [1]},
        {"train.dropout": 0.2, "train.layers": 2},
    ]


@pytest.mark.parametrize(
    ("vary", "keys"),
    [
        ("split", ["prepare.seed"]),
        ("weights", ["train.seed"]),
        ("both", ["prepare.seed", "train.seed"]),
        (None, ["prepare.seed", "train.seed"]),
    ],
)
def test_trial_k_has_seed_k(vary, keys):
    assert overrides(seeds(2, vary)) == [
        dict.fromkeys(keys, 0),
        dict.fromkeys(keys, 1),
    ]


def test_seeds_are_those_that_the_study_names(project):
    with pytest.raises(UserError, match=r"--vary: expected one of split, weights, both, received"):
        seeds(2, "all")
    replace(project / "studykit.yaml", "{split:", "{order: [train.units], split:")
    assert seeds(1, "all") == [{"train.units": 0, "prepare.seed": 0, "train.seed": 0}]
    with pytest.raises(UserError, match=r"expected one of order, split, weights, all, received"):
        seeds(2, "both")
    (project / "studykit.yaml").write_text("name: small")
    with pytest.raises(UserError, match=r"studykit.yaml: seeds: expected the parameters"):
        seeds(2)


def test_a_line_of_a_file_is_a_trial(project):
    (project / "trials.txt").write_text(
        "# dropout\ntrain.dropout=0.1 train.units=50\n\ntrain.dropout=0.2\n"
    )
    assert overrides(lines("trials.txt"), grid([]), seeds(2, "weights")) == [
        {"train.dropout": 0.1, "train.units": 50, "train.seed": 0},
        {"train.dropout": 0.1, "train.units": 50, "train.seed": 1},
        {"train.dropout": 0.2, "train.seed": 0},
        {"train.dropout": 0.2, "train.seed": 1},
    ]


def test_the_same_trial_twice_is_one_trial():
    assert len(expand(grid(["train.dropout=0.1,0.1"]))) == 1


def test_what_dvc_is_given_reads_back_as_the_same_values():
    words = ["train.layers=[4, 4, 4]", 'train.optimizer="adam"', "train.seed=1"]
    (trial,) = expand(grid(words))
    assert trial.words == words
    assert grid(trial.words) == [trial.overrides]


def test_a_bad_value_is_the_trials_own_error(monkeypatch):
    def check(_, values):
        if values["train"]["dropout"] > 1:
            raise UserError("params.yaml: train.dropout: no\nand another")

    monkeypatch.setattr(trials, "check_values", check)
    good, bad = expand(grid(["train.dropout=0.1,1.5"]))
    assert good.error is None
    assert bad.error == "params.yaml: train.dropout: no; and another"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train.dropuot=1"], "none of that name; did you mean train.dropout?"),
        (["train.dropout.x=1"], "train.dropout.x: expected a parameter of params.yaml"),
        (["nonsense"], "nonsense: expected KEY=VALUE or KEY=VALUE,VALUE"),
        (["+train.new=1"], "[+]train.new=1: expected KEY=VALUE"),
        (["train.seed=range(2e9)"], "seed=range.2e9.: expected at most 10,000 trials"),
        (["train.rate=range(0,inf,.5)"], "rate=range.0,inf,.5.: expected at most 10,000 trials"),
        (["train.rate=range(0.5,nan)"], "train.rate=range.0.5,nan.: expected KEY=VALUE"),
        (["a=range(200)", "b=range(200)"], "all together: expected at most 10,000 trials"),
        (["train.seed=1", "train.seed=2"], "train.seed: expected once, received twice"),
    ],
)
def test_a_wrong_parameter_is_the_commands_error(words, message):
    with pytest.raises(UserError, match=message) as error:
        names(*words)
    assert "\n" not in str(error.value)


def test_a_seed_cannot_be_given_in_two_ways():
    with pytest.raises(UserError, match=r"train.seed: expected once, received twice"):
        expand(grid(["train.seed=1"]), seeds(2))


def test_a_file_of_too_many_trials_is_told_by_the_line_where_they_are(project):
    (project / "trials.txt").write_text("train.seed=range(9999)\n\ntrain.seed=1,2\n")
    with pytest.raises(UserError, match=r"trials.txt:3: so far: expected at most 10,000 trials"):
        lines("trials.txt")


def test_too_many_seeds_are_an_error(project):
    with pytest.raises(UserError, match="--seeds: expected at most 10,000 trials"):
        seeds(10**12)


def test_an_unknown_stage_is_an_error():
    with pytest.raises(UserError, match=r"trian: expected a stage of dvc.yaml: prepare, train"):
        names(target="trian")


def test_a_mistake_in_a_file_is_named_by_its_line(project):
    (project / "trials.txt").write_text("train.seed=1\ntrain.seed\n")
    with pytest.raises(UserError, match=r"trials.txt:2: train.seed: expected KEY=VALUE"):
        lines("trials.txt")
    with pytest.raises(UserError, match=r"none.txt: expected a file, found: No such file"):
        lines("none.txt")


def test_a_name_is_readable_and_a_git_ref():
    (name,) = names("train.layers=[4, 4, 4]", "train.optimizer='npm:a@{1/..'")
    assert name.startswith("train.layers=4,4,4,train.optimizer=npm-a-1-")
    subprocess.run(["git", "check-ref-format", f"refs/exps/{name}"], check=True)
    assert names()[0].startswith("default-")


def test_a_name_begins_with_the_data_where_the_study_is_told_of_them_by_a_parameter(project):
    def named(word):
        (trial,) = expand(grid([word]))
        return trial.name.rpartition("-")[0]

    assert named("train.units=6") == "train.units=6"
    settings = project / "studykit.yaml"
    settings.write_text(settings.read_text() + "registry: data-${train.optimizer}\n")
    assert named("train.units=6") == "data-adam,train.units=6"
    assert named("train.optimizer=sgd") == "train.optimizer=sgd"  # which says it


@pytest.mark.parametrize(
    ("path", "target", "changes"),
    [
        ("train.py", None, True),
        ("library/nets.py", "evaluate", True),
        ("library/data/read.py", "evaluate", True),
        ("library/data/new.py", "evaluate", True),
        ("library/__pycache__/nets.pyc", "evaluate", False),  # in .dvcignore
        ("raw/a.csv", "evaluate", True),
        ("library/nets.py", "prepare", False),  # which does not need it
        ("report.py", "evaluate", False),
        ("report.py", None, False),  # the study's last stage of a trial is evaluate
        ("report.py", "report", True),
        ("data/train.csv", "evaluate", False),  # a stage makes it
        ("model", "evaluate", False),
        ("README.md", "evaluate", False),
    ],
)
def test_a_name_changes_with_the_code_that_it_depends_on(project, path, target, changes):
    before = names("train.dropout=0.1", target=target)
    assert names("train.dropout=0.1", target=target) == before
    write(project / path, "another content")
    assert (names("train.dropout=0.1", target=target) != before) is changes


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("params.yaml", "errors: 40", "errors: 41", False),
        ("params.yaml", "share: 0.1", "share: 0.2", True),
        ("params.yaml", "units: 5", "units: 6", True),  # of a section that is declared as a whole
        ("other.json", '"depth": 3', '"depth": 4', True),
        ("other.json", '"name": "a"', '"name": "b"', False),
        ("dvc.yaml", "python train.py", "python train.py --fast", True),
        ("dvc.yaml", "python report.py", "python report.py --fast", False),
    ],
)
def test_a_name_changes_with_the_parameters_and_commands_that_it_depends_on(
    project, file, old, new, changes
):
    before = names("train.dropout=0.1")
    replace(project / file, old, new)
    assert (names("train.dropout=0.1") != before) is changes


def test_a_name_does_not_depend_on_what_a_stage_has_made_in_a_folder_of_sources(project):
    replace(project / "dvc.yaml", "library, data/train.csv", "library, .")
    before = names()
    write(project / "data/train.csv", "made")
    write(project / "model", "made")
    assert names() == before
    write(project / "raw/b.csv", "a source")
    assert names() != before


def test_a_name_covers_what_templates_make_of_a_trials_own_values(project):
    replace(project / "dvc.yaml", "python evaluate.py", "python evaluate.py ${train.units}")
    replace(project / "dvc.yaml", "params: [train, other", "params: [other")
    digests = {name.rpartition("-")[2] for name in names("train.units=1,2")}
    assert len(digests) == 2
    digests = {name.rpartition("-")[2] for name in names("train.dropout=0.3,0.4")}
    assert len(digests) == 1  # nothing declares it, and no template uses it


def test_values_that_no_template_takes_are_the_trials_own_error(project):
    text = "stages:\n  each:\n    foreach: ${train.layers}\n    do: {cmd: run}\n"
    (project / "dvc.yaml").write_text(text)
    good, bad = expand(grid(["train.layers=[1,2],3"]), target="each")
    assert good.error is None
    assert bad.error.startswith("dvc.yaml: failed to resolve 'stages.each.foreach'")


def test_an_experiment_of_that_name_is_that_trial_whatever_its_baseline():
    first, second = expand(grid(["train.dropout=0.1,0.2"]))
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
            "Reproducing 'x'\nERROR: failed to reproduce 'a': missing b\n",
            "ERROR: failed to reproduce 'a': missing b",
        ),
        ("", "it said nothing"),
    ],
)
def test_a_failure_is_told_in_a_line(output, said):
    assert last_error(output) == said
