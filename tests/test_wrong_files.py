"""Whatever is wrong in a file that a command reads ends in one line that names it.

Files of the recorded study are spoilt one by one, each in many ways, and every command that reads
the file is run on it.
"""

import io
import json
import re
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from mnist_study.commands import cli
from tests.recorded_study import RecordedStudy
from tests.tiny_study import ENVIRONMENT


def conflict(content):
    """As Git leaves a file that two branches changed."""
    half = len(content) // 2
    return b"<<<<<<< HEAD\n%b\n=======\n%b>>>>>>> other\n" % (content[:half], content[half:])


def adding(text):
    return lambda content: content + text


def holding(text):
    return lambda content: text


def packed(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return holding(file.getvalue())


TEXT = {
    "conflict": conflict,
    "UTF-16": lambda content: content.decode().encode("utf-16"),
    "latin-1": adding("# Käse\n".encode("latin-1")),
    "binary": holding(b"\x80\xff\x00\x01"),
}
YAML = TEXT | {
    "list": holding(b"- 1\n- 2\n"),
    "number": holding(b"3\n"),
    "text": holding(b"hello\n"),
    "a NUL": adding(b"\0\n"),
    "a list in itself": adding(b"zz: &a [*a]\n"),
    "keys in themselves": adding(b"zz: &a {b: *a}\n"),
    "deep": adding(b"zz: " + b"[" * 200 + b"]" * 200),
    "deeper than the stack": adding(b"zz: " + b"[" * 100_000),
    "no day": adding(b"zz: 2001-99-99\n"),
    "no number": adding(b"zz: !!int x\n"),
    "a program": adding(b"zz: !!python/object/apply:os.system [exit]\n"),
    "a key twice": adding(b"zz: 1\nzz: 2\n"),
    "a list as key": adding(b"[1, 2]: 3\n"),
    "a thousand million": adding(
        b"a0: &a0 {x: 1}\n"
        + b"".join(b"a%d: &a%d {p: *a%d, q: *a%d}\n" % (n, n, n - 1, n - 1) for n in range(1, 30))
    ),
}
JSON = TEXT | {
    "list": holding(b"[1, 2]"),
    "text": holding(b'"text"'),
    "half": lambda content: content[: len(content) // 2],
    "nothing": holding(b""),
    "deep": holding(b'{"a": ' * 100_000),
    "a large number": holding(b'{"a": 1%b}' % (b"0" * 400)),
    "a larger number": holding(b'{"a": 1%b}' % (b"0" * 5000)),
}
TABLE = TEXT | {
    "nothing": holding(b""),
    "other columns": holding(b"a,b\n1,2\n"),
    "too long a row": adding(b"1,2,3,4,5,6,7,8,9\n"),
}
ARRAYS = {
    "binary": TEXT["binary"],
    "half": lambda content: content[: len(content) // 2],
    "nothing": holding(b""),
    "other arrays": packed(a=np.zeros(3)),
    "objects": packed(x=np.array([{}], object), index=np.arange(1)),
    "words": packed(x=np.array(["a", "b"]).reshape(2, 1, 1), index=np.arange(2)),
    "other lengths": packed(x=np.zeros((2, 3, 3), np.uint8), index=np.arange(3)),
}
DIFF, STALE = ["diff", "HEAD", "workspace"], ["stale", "workspace"]
SWEEP, ADD = ["sweep", "nope=1"], ["data", "add", "images.npz", "--name", "own"]
RUNS, PREDICT = ["runs"], ["predict", "images.npz"]
READERS = {  # file: how it can be spoilt, and the commands that read it
    "dvc.yaml": (YAML, [DIFF, STALE, ["lineage"], SWEEP, RUNS, PREDICT]),
    "dvc.lock": (YAML, [DIFF, STALE, ["lineage"], ["sync"], RUNS, PREDICT]),
    "params.yaml": (YAML, [DIFF, STALE, ["lineage"], SWEEP, ["claims"], RUNS, PREDICT]),
    "datasets.yaml": (YAML, [DIFF, STALE, ["claims"], ADD]),
    "studykit.yaml": (
        YAML,
        [
            DIFF,
            ["lineage"],
            ["sweep", "--seeds", "2", "nope=1"],
            RUNS,
            ["prune", "*", "--dry-run"],
            PREDICT,
        ],
    ),
    "models/origins.json": (JSON, [DIFF]),
    "metrics/val/cnn.json": (JSON | {"NaN": holding(b'{"accuracy": NaN}')}, [DIFF]),
    "metrics/test/cnn.json": (JSON | {"infinite": holding(b'{"a": Infinity}')}, [DIFF]),
    "plots/evaluate/claims.json": (
        JSON | {"no verdict": holding(b'{"a": {}}')},
        [DIFF, ["claims"]],
    ),
    "plots/replicate/summary.json": (JSON | {"a key less": holding(b'{"seeds": 1}')}, [["claims"]]),
    "replication/measured_on.json": (JSON | {"no code": holding(b'{"params": {}}')}, [["claims"]]),
    "plots/train_cnn/history.csv": (TABLE, [DIFF]),
    "plots/evaluate/cnn_predictions.csv": (TABLE, [DIFF]),
    "replication/trials.csv": (TABLE, [["claims"]]),
    "replication/histories.csv": (TABLE, [["claims"]]),
    "plots/evaluate/examples.npz": (ARRAYS, [DIFF]),
}
for file, (_, commands) in READERS.items():
    if file.startswith("metrics/"):
        commands.append(RUNS)
CASES = [(file, damage) for file, (damages, _) in READERS.items() for damage in damages]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The recorded study, and beside it images to add; each test leaves it as it was."""
    study = RecordedStudy(tmp_path_factory.mktemp("recorded") / "study")
    part = {"x": np.zeros((20, 4, 4), np.uint8), "y": np.arange(20) % 4}
    np.savez(
        study.root / "images.npz",
        **{f"{key}_{name}": value for name in ("train", "test") for key, value in part.items()},
    )
    return study


@pytest.fixture
def study(recorded, monkeypatch):
    monkeypatch.chdir(recorded.root)
    # Beside the repository: what a test commits is gone after it.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{recorded.root.parent}/mlflow.db")
    yield recorded
    recorded("git switch -qf main && git checkout -q .")
    words = ["git", "for-each-ref", "--format=%(refname)", "refs/heads"]
    listed = subprocess.run(words, cwd=recorded.root, check=True, capture_output=True).stdout
    for ref in listed.split(b"\n"):
        if ref not in (b"", b"refs/heads/main"):
            subprocess.run(["git", "update-ref", "-d", ref], cwd=recorded.root, check=True)


@pytest.fixture
def run(capsys):
    """Run `mnist-study` here: its exit status, and the lines on standard output and error."""

    def run_here(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        said, warned = capsys.readouterr()
        return SimpleNamespace(
            status=ended.value.code, said=said, lines=[each for each in warned.splitlines() if each]
        )

    return run_here


def spoil(study, file, damage):
    path = study.root / file
    path.write_bytes(READERS[file][0][damage](path.read_bytes()))


@pytest.mark.parametrize(("file", "damage"), CASES)
def test_a_spoilt_file_is_one_line(study, run, file, damage):
    spoil(study, file, damage)
    for words in READERS[file][1]:
        done = run(*words)
        goes_on = words == RUNS and file != "studykit.yaml"  # with the other revisions
        assert len(done.lines) == 1, (words, done)
        assert done.lines[0].startswith(f"{'warning' if goes_on else 'error'}: {file}: "), done
        assert (done.status == 0) if goes_on else (done.status in (1, 2)), (words, done)
        assert not goes_on or "main" in done.said, done


@pytest.fixture
def experiment(study):
    """The name of an experiment, for as long as a test lasts."""
    base = study("git rev-parse HEAD").stdout.strip()
    ref = f"refs/exps/{base[:2]}/{base[2:]}/one"
    study(f"git update-ref {ref} HEAD")
    yield "one"
    study(f"git update-ref -d {ref}")


@pytest.mark.parametrize("file", ["dvc.yaml", "dvc.lock"])
def test_nothing_is_pruned_while_it_is_not_known_what_the_workspace_needs(
    study, run, experiment, file
):
    for damage in YAML:
        spoil(study, file, damage)
        done = run("prune", experiment, "--dry-run")
        study(f"git checkout -q {file}")
        (line,) = done.lines
        assert line.startswith(f"error: {file}: "), (damage, done)
        assert (done.status, done.said) == (1, ""), (damage, done)


def test_a_commit_that_cannot_be_read_keeps_no_experiment(study, run, experiment):
    study("git switch -qc bad")
    spoil(study, "dvc.lock", "conflict")
    study("git commit -qam bad && git switch -q main")
    done = run("prune", experiment, "--dry-run")
    (line,) = done.lines
    assert re.match("warning: dvc.lock of [0-9a-f]{7}: expected YAML, found a merge conflict", line)
    assert "1 experiment to remove" in done.said


@pytest.mark.parametrize("damage", YAML)
def test_a_spoilt_catalogue_is_told_before_a_net_is_loaded(study, run, damage):
    spoil(study, "datasets.yaml", damage)
    (line,) = run(*PREDICT, "--model", "own.keras").lines
    assert line.startswith("error: datasets.yaml: ")


@pytest.mark.parametrize("file", [file for file in READERS if not file.endswith(".npz")])
def test_a_mark_at_the_beginning_does_no_harm(study, run, file):
    path = study.root / file
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    for words in READERS[file][1]:
        done = run(*words)
        assert not [line for line in done.lines if file in line and "nope" not in line], done


@pytest.mark.parametrize("file", ["dvc.yaml", "dvc.lock", "params.yaml"])
@pytest.mark.parametrize("words", [["diff", "main", "bad"], ["stale", "bad"], ["verify", "bad"]])
def test_a_spoilt_file_of_a_commit_is_one_line(study, run, file, words):
    study("git switch -qc bad")
    spoil(study, file, "conflict")
    study("git commit -qam bad && git switch -q main")
    done = run(*words)
    (line,) = done.lines
    assert line.startswith(f"error: {file} of bad (")
    assert "found a merge conflict; resolve it" in line


@pytest.mark.parametrize("file", ["dvc.yaml", "params.yaml", "datasets.yaml", "studykit.yaml"])
def test_seeds_are_refused_before_anything_runs(study, run, file):
    spoil(study, file, "list")
    done = run("replicate", "--seeds", "2")
    (line,) = {line for line in done.lines if not line.startswith("failed: ")} or {""}
    assert (done.status, line.startswith((f"error: {file}: ", "error: replicate: 2 of 2"))) == (
        1,
        True,
    )


def test_one_bad_branch_does_not_block_the_others(study, run):
    study("git switch -qc bad")
    spoil(study, "dvc.lock", "conflict")
    study("git commit -qam bad && git switch -qc good main && git commit -q --allow-empty -m good")
    study("git switch -q main")
    done = run("sync", "--all")
    (line,) = done.lines
    assert line.startswith("error: dvc.lock of bad (")
    assert done.status == 1
    assert "in 4 revisions" in done.said
    rows = json.loads(run("lineage", "good", "--json").said)
    assert all(len(row["runs"]) == 1 for row in rows)
    found = run("lineage", rows[0]["runs"][0])
    assert (found.status, len(found.lines)) == (1, 1)
    assert "good (" in found.said
    assert "main (" in found.said


def test_a_bad_workspace_does_not_block_the_branches(study, run):
    spoil(study, "dvc.yaml", "conflict")
    done = run("sync", "--all")
    assert done.lines == ["error: dvc.yaml: expected YAML, found a merge conflict; resolve it"]
    assert all(row["runs"] for row in json.loads(run("lineage", "main", "--json").said))


def test_metrics_that_are_none_are_told_and_the_rest_is_synced(study, run):
    study("git switch -qc odd")
    spoil(study, "metrics/test/cnn.json", "half")
    study.branch("odder")
    done = run("sync", "odder")
    (line,) = done.lines
    assert line.startswith("error: evaluate of odder (")
    assert "metrics/test/cnn.json: expected JSON: " in line
    rows = {row["stage"]: row["runs"] for row in json.loads(run("lineage", "odder", "--json").said)}
    assert rows.pop("evaluate") == []
    assert all(rows.values())


def test_a_branch_whose_name_is_no_text(study, run):
    subprocess.run(["git", "branch", b"caf\xe9"], cwd=study.root, check=True, env=ENVIRONMENT)
    assert run("sync", "--all").status == 0
    rows = json.loads(run("lineage", "main", "--json").said)
    done = run("lineage", rows[0]["runs"][0])
    assert "caf\\xe9 (" in done.said
    assert run("stale", "caf\udce9").status == 0


@pytest.mark.parametrize("blank", ["\u00a0", "\u2028", "\x85"])
def test_a_branch_with_another_blank_in_its_name(study, run, blank):
    study(f"git branch 'a{blank}b'")
    assert run("stale", f"a{blank}b").status == 0
    assert "in 3 revisions" in run("sync", "--all").said


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        ("train_dense.units=20\n".encode("utf-16"), "", "expected text in UTF-8, received UTF-16"),
        (b"train_dense.units=2\xff\n", "", "expected text in UTF-8, received the byte 0xff at 19"),
        (b"train_dense.units=20\ntrain_dense.units='2\n", ":2", "No closing quotation"),
        (b"train_dense={units:3}\n", "", "nothing"),
        (b"train_dense.units=\x00\n", ":1", "expected KEY=VALUE"),
    ],
)
def test_a_file_of_trials_that_is_none(study, run, content, place, said):
    (study.root / "trials.txt").write_bytes(content)
    done = run("sweep", "nope=1", "--file", "trials.txt")
    (line,) = done.lines
    if said == "nothing":
        assert line == "error: nope: expected a parameter of params.yaml, found none of that name"
    else:
        assert line.startswith(f"error: trials.txt{place}: ")
        assert said in line


def test_a_mark_at_the_beginning_of_a_file_of_trials_is_no_part_of_a_name(study, run):
    (study.root / "trials.txt").write_bytes(b"\xef\xbb\xbftrain_dense.unit=20\n")
    (line,) = run("sweep", "--file", "trials.txt").lines
    assert line.startswith("error: train_dense.unit: expected a parameter")


@pytest.mark.parametrize("word", ["train_dense={units:3}", "train_dense=[1]", "train_dense=1"])
def test_a_value_in_the_place_of_a_section_is_told(study, run, word):
    done = run("sweep", word)
    assert (done.status, done.lines) == (1, [])
    line, summary = done.said.splitlines()
    assert re.match(r"failed: \S+: params.yaml: train_dense", line)
    assert summary == "1 trials: 0 done (0 before), 1 failed"


def test_json_is_json_whatever_the_parameters_are(study, run):
    with open(study.root / "params.yaml", "a") as file:
        file.write("odd: {a: .nan, b: -.inf}\n")
    done = run(*DIFF, "--json")

    def refuse(word):
        raise AssertionError(word)

    params = json.loads(done.said, parse_constant=refuse)["params"]
    assert {"odd.a", "odd.b"} <= {each["name"] for each in params}


def test_a_lock_with_other_systems_entries_is_read(study, run):
    path = study.root / "dvc.lock"
    text = path.read_text().replace(
        "    deps:\n", "    deps:\n    - path: s3://bucket/x\n      etag: '1'\n", 1
    )
    path.write_text(text)
    assert run(*STALE).status == 0
    assert run(*DIFF).status == 0


def test_notes_of_machines_are_read_before_a_stage_begins(study):
    spoil(study, "models/origins.json", "conflict")
    done = study("python -m studykit.start stages.fetch", check=False, PYTHONPATH="src")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: models/origins.json: expected JSON, found a merge conflict;")
    assert done.returncode == 1
