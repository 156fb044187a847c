"""`mnist-study diff` on real Git branches: what it says, and the exit status.

The fast tests change the recorded predictions of real MNIST in known ways; the slow ones train.
"""

import json
import os
import re
import shutil
from copy import copy
from html import unescape
from importlib import metadata

import pytest

import mnist_study.commands.cli
from studykit import cli
from studykit.files import read_json, write_json
from tests.recorded_study import RecordedStudy
from tests.tiny_study import ROOT, TinyStudy

RECORDED = read_json(ROOT / "metrics/test/cnn.json")["accuracy"]
TRAINED = read_json(ROOT / "metrics/val/cnn.json")
VALIDATION = f"{TRAINED['accuracy']:.2%}"


def points(images):
    """The CNN's recorded accuracy, and so many more of the 10,000 test images."""
    return f"{RECORDED + images / 10_000:.2%}"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return RecordedStudy(tmp_path_factory.mktemp("recorded") / "study")


@pytest.fixture
def study(recorded, tmp_path, monkeypatch):
    """A copy of the recorded study, on `main`, as the current folder."""
    shutil.copytree(recorded.root, tmp_path / "study")
    mine = copy(recorded)
    mine.root = tmp_path / "study"
    monkeypatch.chdir(mine.root)
    return mine


@pytest.fixture
def run(capsys):
    """Run `mnist-study` here; give exit status, standard output and standard error."""

    def run_here(*words):
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        return ended.value.code, *capsys.readouterr()

    return run_here


def cells(output, start):
    """The cells of the one line that starts so."""
    (line,) = (line.strip() for line in output.splitlines() if line.strip().startswith(start))
    return re.split(r"\s{2,}", line)


def paragraph(output, start=""):
    """The first paragraph that starts so, in one line."""
    paragraphs = (" ".join(part.split()) for part in output.split("\n\n"))
    return next(part for part in paragraphs if part.startswith(start))


def test_help_answers_without_importing_what_is_slow(tmp_path):
    done = TinyStudy.__call__(
        copy_at(tmp_path),
        "python -X importtime -m studykit.cli --help",
        PYTHONPATH=f"{ROOT}/src",
    )
    assert "diff" in done.stdout
    for slow in ("numpy", "pandas", "scipy", "matplotlib", "mlflow", "studykit.compare.diff"):
        assert not re.search(rf"\| +{re.escape(slow)}$", done.stderr, re.MULTILINE)


def test_an_improvement(study, run):
    study.flip("cnn", broken=4, mended=30)
    study.branch("better")
    status, output, _ = run("diff")
    assert status == 0
    verdict, reasons, table, compared, more = output.split("\n\n")
    assert verdict == (
        "A gain, and no significant loss: "
        f"cnn test accuracy rose by 0.26 points to {points(26)} (p < 0.001)."
    )
    assert reasons == "Because of stages/train_cnn.py."
    assert cells(table, "cnn") == [
        "cnn", f"{points(0)} → {points(26)}", "+0.26", "[+0.14, +0.38]", VALIDATION,
        "gain, p < 0.001",
    ]  # fmt: skip
    assert cells(table, "dense")[-1] == "unchanged"
    assert re.fullmatch(r"Compared: merge base with main \(\w{7}\) → workspace", compared)
    assert more.startswith("With --all: files; stages that ran again; other metrics that changed")


def test_a_real_loss(study, run):
    study.set_params(report__errors=7, compute__seed=1, train_cnn__dropout=0.5)
    study.flip("cnn", broken=60, mended=3)
    study.branch("worse")
    status, output, _ = run("diff")
    assert status == 1
    assert paragraph(output).startswith("A loss: cnn test accuracy fell by 0.57 points to ")
    assert paragraph(output, "Because of ") == (
        "Because of train_cnn.dropout 0.2 → 0.5, compute.seed 0 → 1, stages/train_cnn.py."
    )
    assert paragraph(output, "Also changed: ") == "Also changed: report.errors 40 → 7."
    assert cells(output, "cnn  ")[1:4] == [
        f"{points(0)} → {points(-57)}",
        "−0.57",
        "[−0.73, −0.41]",
    ]
    assert "⣿" not in output


def test_all_shows_the_rest(study, run):
    study.set_params(train_cnn__dropout=0.5)
    study.flip("cnn", broken=60, mended=3)
    study.branch("worse")
    _, output, _ = run("diff", "--all")
    assert cells(output, "train_cnn.dropout  ") == ["train_cnn.dropout", "0.2", "0.5"]
    assert cells(output, "train_cnn  ") == ["train_cnn", "train_cnn.dropout, stages/train_cnn.py"]
    assert "cnn: 12 of the 60 examples that only merge base with main" in output
    assert "cnn: 3 examples that only workspace gets right" in output
    assert "⣿" in output
    assert max(map(len, output.splitlines())) <= 100
    assert "--all" not in output


def test_the_order_is_the_same_in_a_terminal_and_in_a_comment(study, run):
    study.set_params(train_cnn__dropout=0.5, report__errors=7)
    study.set_claim("cnn_accuracy", verdict="refuted", measured=0.9862)
    study.flip("cnn", broken=60, mended=3)
    study.branch("worse")
    parts = ("A loss: ", "Because of", "Also changed:", "val accuracy", "Claims that changed",
             "Compared: ", "Stages that ran again")  # fmt: skip
    for form in ("--all", "--md"):
        _, output, _ = run("diff", form)
        places = [output.rindex(part) for part in parts]
        assert places == sorted(places), form
    assert output.index("<details>") > output.index("Claims that changed")


def test_a_change_within_noise(study, run):
    study.flip("dense", broken=120, mended=110)
    study.branch("other-seed")
    status, output, _ = run("diff")
    assert status == 0
    assert cells(output, "dense")[-1] == "not significant, p = 0.55"
    assert paragraph(output).startswith(
        "No significant loss: dense test accuracy fell by 0.10 points to "
    )


def test_a_parameter_without_effect(study, run):
    study.set_params(compute__steps_per_execution=50)
    study.branch("faster")
    status, output, _ = run("diff", "main", "faster")
    assert status == 0
    verdict, reasons, table, *_ = output.split("\n\n")
    assert verdict == "No metric changed."
    assert reasons == "Changed: compute.steps_per_execution 400 → 50."
    assert [cells(table, net)[-1] for net in ("dense", "cnn")] == ["unchanged"] * 2


def test_documents_change_nothing(study, run):
    study.write("README.md", "another\n")
    study.branch("documents")
    status, output, _ = run("diff")
    assert status == 0
    assert output.startswith("No metric changed.\n\nChanged: nothing that results depend on.\n\n")


def test_many_changes_are_told_by_where_they_are(study, run):
    values = {"units": 20, "hidden_layers": 3, "epochs": 10, "learning_rate": 0.01}
    study.set_params(fetch__retries=9, **{f"train_dense__{key}": values[key] for key in values})
    study.flip("dense", broken=300)
    for path in ("src/mnist_study/training/fit.py", "src/imagesets/splits.py"):
        study.write(path, study.read(path) + "# changed\n")
    study.branch("many")
    status, output, _ = run("diff")
    assert status == 1
    assert paragraph(output, "Because of ") == (
        "Because of train_dense.hidden_layers 5 → 3, train_dense.units 30 → 20, "
        "train_dense.learning_rate 0.001 → 0.01, train_dense.epochs 20 → 10, "
        "src/imagesets/splits.py, stages/train_dense.py; more in src/mnist_study."
    )
    assert paragraph(output, "Also changed: ") == "Also changed: fetch.retries 2 → 9."


def test_stale_results(study, run):
    study.set_params(train_cnn__dropout=0.5)
    status, output, _ = run("diff")
    assert status == 2
    assert paragraph(output) == (
        "Could not compare: the results of workspace are not those of its code: train_cnn."
    )
    assert paragraph(output, "Changed: ") == "Changed: train_cnn.dropout 0.2 → 0.5."
    assert [cells(output, net)[-1] for net in ("dense  ", "cnn  ")] == ["not compared"] * 2
    status, output, _ = run("stale", "workspace")
    assert status == 1
    assert output.startswith(
        "train_cnn: train_cnn.dropout changed\nreport: train_cnn changed\n"
        "These results of workspace are"
    )
    assert run("stale") == (0, "", "")  # what is committed is fresh


def test_a_base_without_results(study, run):
    study("git switch -q --orphan empty && git commit -qm empty --allow-empty")
    study("git switch -q main")
    status, output, _ = run("diff", "empty")
    assert status == 2
    assert re.fullmatch(r"Could not compare: empty \(\w{7}\) has no results\.", paragraph(output))
    assert cells(output, "cnn  ")[1] == f"– → {RECORDED:.2%}"
    assert "Claims that changed" not in output


def test_a_head_without_results(study, run):
    study("git rm -qr metrics plots dvc.lock && git commit -qm none")
    status, output, _ = run("diff", "HEAD~1", "HEAD")
    assert status == 2
    assert re.fullmatch(r"Could not compare: HEAD \(\w{7}\) has no results\.", paragraph(output))


def test_a_deleted_metric(study, run):
    path = study.root / "metrics/val/cnn.json"
    metrics = json.loads(path.read_text())
    best = str(metrics.pop("best_epoch"))
    path.write_text(json.dumps(metrics))
    study.branch("fewer")
    status, output, _ = run("diff", "--all")
    assert status == 0
    assert cells(output, "val.cnn.best_epoch")[1:] == [best, "–", "removed"]


def lay_out_as_once(study):
    """Put a study's metrics into one file a stage, whose keys say net and split."""
    held = {
        folder: {path.stem: read_json(path) for path in study.root.glob(f"metrics/{folder}/*.json")}
        for folder in ("preprocess", "val", "test", "replicate", "test/pairs")
    }
    shutil.rmtree(study.root / "metrics")
    tested, repeated = (
        {
            net: {"test": {LONG.get(key, key): value for key, value in scores.items()}}
            for net, scores in held[folder].items()
        }
        for folder in ("test", "replicate")
    )
    pair = held["test/pairs"]["cnn_minus_dense"]
    pair = {"difference": pair["accuracy"], "low": pair["low"], "high": pair["high"], "p_value": 0}
    files = {
        "preprocess": held["preprocess"],
        "evaluate": tested | {"cnn_minus_dense": pair},
        "replicate": {"seeds": 10} | repeated,
    }
    for net, scores in held["val"].items():
        val = {"accuracy": scores["accuracy"], "lowest_loss_epoch": scores["best_epoch"]}
        files[f"train_{net}"] = {"parameters": scores["parameters"], "val": val}
    for name, content in files.items():
        write_json(study.root / f"metrics/{name}.json", content)
    pipeline = study.read("dvc.yaml").replace("metrics/test:", "metrics/evaluate:")
    pipeline = re.sub("metrics/(preprocess|evaluate|replicate)", r"metrics/\1.json", pipeline)
    study.write("dvc.yaml", re.sub(r"metrics/val/(\w+)", r"metrics/train_\1", pipeline))


LONG = {"low": "accuracy_low", "high": "accuracy_high"}


@pytest.mark.parametrize("order", [["once", "main"], ["main", "once"]])
def test_a_commit_whose_metrics_had_other_names_is_compared(study, run, order):
    lay_out_as_once(study)
    study.branch("once")
    status, output, _ = run("diff", *order, "--all")
    assert status == 0
    assert paragraph(output).startswith("No significant loss: ")
    for net in ("dense", "cnn"):
        assert f"{net} test accuracy is 9" in paragraph(output)
        assert cells(output, f"{net}  ")[-1] == "unchanged"
    assert cells(output, "cnn  ")[1:3] == [f"{RECORDED:.2%}", "0"]
    assert VALIDATION in cells(output, "cnn  ")
    (others,) = (part for part in output.split("\n\n") if part.startswith("Other metrics"))
    removed, new = ("removed", "new") if order[0] == "once" else ("new", "removed")
    assert {(line.split()[0], line.split()[-1]) for line in others.splitlines()[2:]} == {
        ("test.pairs.cnn_minus_dense.p_value", removed),
        ("replicate.seeds", removed),
        ("val.dense.loss", new),
        ("val.cnn.loss", new),
    }


def test_deleted_predictions(study, run):
    (study.root / "plots/evaluate/cnn_predictions.csv").unlink()
    study.branch("fewer")
    status, output, _ = run("diff")
    assert status == 2
    assert re.fullmatch(
        r"Could not compare: the predictions of cnn are gone; "
        r"dense test accuracy is 96\.\d\d%, as before\.", paragraph(output)
    )  # fmt: skip


def test_a_claim_that_no_longer_holds(study, run):
    study.set_claim("cnn_accuracy", verdict="refuted", measured=0.9862)
    study.set_params(evaluate__samples=41)
    study.branch("other")
    status, output, _ = run("diff")
    assert status == 1
    assert cells(output, "cnn_accuracy")[1:] == [
        "99.00%",
        f"reproduced: {RECORDED:.2%}",
        "refuted: 98.62%",
    ]
    assert paragraph(output) == "A loss: the claim cnn_accuracy no longer holds."


OTHER_PROCESSOR = (
    "The same inputs gave other bytes of models/cnn.keras, so cnn is not judged: merge base with "
    "main ({base}) made it on AMD EPYC, AVX512_CORE, L1 48K L2 1024K L3 32768K, workspace on "
    "Another 3000, AVX512_CORE, L1 48K L2 1024K L3 32768K."
)


@pytest.mark.parametrize(
    ("flips", "change"),
    [({"broken": 60}, "fell by 0.60 points"), ({"mended": 60}, "rose by 0.60 points")],
)
def test_another_processor_is_no_loss_and_no_gain(study, run, flips, change):
    study.flip("cnn", **flips, elsewhere=True)
    study.set_params(report__errors=7)
    study.branch("elsewhere")
    status, output, _ = run("diff")
    base = study("git rev-parse --short=7 main").stdout.strip()
    assert status == 0
    assert paragraph(output, "The same inputs") == OTHER_PROCESSOR.format(base=base)
    assert paragraph(output, "Changed: ") == "Changed: report.errors 40 → 7."
    assert cells(output, "cnn  ")[-1] == "not judged"
    assert paragraph(output).startswith(f"No significant loss: cnn test accuracy {change} to ")
    assert paragraph(output).endswith("% (not judged).")


def test_another_processor_excuses_no_model_whose_code_changed(study, run):
    study.flip("cnn", mended=60, elsewhere=True)
    study.flip("dense", broken=120)
    study.branch("both")
    status, output, _ = run("diff")
    assert status == 1
    assert cells(output, "cnn  ")[-1] == "not judged"
    assert paragraph(output).startswith("A loss: dense test accuracy fell by 1.20")
    assert paragraph(output, "Because of ") == "Because of stages/train_dense.py."


def test_other_predictions_of_the_same_models_are_judged_by_what_evaluates_them(study, run):
    lock = study.read("dvc.lock")
    study.flip("cnn", broken=60)
    study("git checkout -q stages models")
    (study.root / "dvc.lock").write_text(lock)
    study.branch("elsewhere")
    status, output, _ = run("diff")
    assert status == 0
    assert paragraph(output, "The same inputs gave other bytes of plots/evaluate/cnn_predictions")
    (study.root / "stages/evaluate.py").write_text("# changed\n")
    study.branch("worse")
    assert run("diff")[0] == 1


def test_another_processor_breaks_no_claim(study, run):
    study.set_claim("cnn_accuracy", verdict="refuted", measured=0.9862)
    study.flip("cnn", broken=60, elsewhere=True)
    study.branch("elsewhere")
    status, output, _ = run("diff")
    assert status == 0
    assert paragraph(output, "No claim") == (
        "No claim counts as lost: the same inputs gave another result."
    )


def test_claims_on_other_test_examples_are_not_lost(study, run):
    study.write("plots/evaluate/claims.json", "{}")
    for net in ("dense", "cnn"):
        table = study.root / f"plots/evaluate/{net}_predictions.csv"
        head, *rows = table.read_text().splitlines(keepends=True)
        table.write_text(head + "".join(reversed(rows)))
    study.set_metrics("test/cnn", accuracy=0.5, loss=9)
    study.set_params(data__name="digits")
    study.lock()
    study.branch("other-data")
    status, output, _ = run("diff")
    assert status == 2
    assert paragraph(output) == (
        "Could not compare: the test examples of cnn and dense are not the same."
    )
    assert paragraph(output, "Changed: ") == "Changed: data.name mnist → digits."
    assert paragraph(output, "No claim") == "No claim counts as lost: the test examples are others."
    assert cells(output, "cnn_accuracy")[-1] == "not claimed"
    assert cells(output, "cnn  ")[1:] == [f"{RECORDED:.2%} → 50.00%", VALIDATION, "not compared"]
    _, output, _ = run("diff", "--all")
    assert cells(output, "test.cnn.loss")[-1] == "not compared"
    assert "moved" not in output
    assert "tolerance" not in output


def test_a_stale_report_is_noted_and_the_rest_is_judged(study, run):
    study.flip("cnn", mended=40)
    study.lock()
    study.set_params(report__errors=7)
    status, output, _ = run("diff")
    assert status == 0
    assert paragraph(output).startswith("A gain, and no significant loss: cnn test accuracy")
    assert paragraph(output, "The results of") == (
        "The results of workspace are not those of its code: report; "
        "the judgement does not need them."
    )


def test_a_trial_whose_report_is_not_drawn_is_judged(study, run):
    study.set_params(train_cnn__dropout=0.5, evaluate__confidence=0.9)
    study.flip("cnn", broken=60)
    study.experiment("trial", without=("report", "replicate"))
    status, output, _ = run("diff", "main", "trial")
    assert status == 1
    assert paragraph(output).startswith("A loss: cnn test accuracy fell by 0.60")


def test_metrics_of_a_stale_stage_are_left_out(study, run):
    path = study.root / "metrics/replicate/cnn.json"
    path.write_text(path.read_text().replace("0.9", "0.1"))
    status, output, _ = run("diff", "--all")
    assert status == 0
    assert paragraph(output, "The results of").endswith("; the judgement does not need them.")
    assert "replicate." not in output


def test_two_experiments(study, run):
    study.set_params(train_cnn__dropout=0.1)
    study.experiment("less")
    study.set_params(train_cnn__dropout=0.5)
    study.flip("cnn", broken=60)
    study.experiment("more")
    status, output, _ = run("diff", "less", "more")
    assert status == 1
    assert "train_cnn.dropout 0.1 → 0.5" in paragraph(output, "Because of ")
    assert re.search(r"^Compared: less \(\w{7}\) → more \(\w{7}\)$", output, re.MULTILINE)
    assert run("diff", "main", "less")[0] == 0


def test_an_experiment_of_the_current_baseline_is_meant(study, run):
    study.set_params(train_cnn__dropout=0.1)
    study.experiment("mine")
    study("git commit -qm next --allow-empty")
    status, output, _ = run("diff", "main", "mine")
    assert (status, paragraph(output, "Changed: ")) == (0, "Changed: train_cnn.dropout 0.2 → 0.1.")
    study.set_params(train_cnn__dropout=0.3)
    study.experiment("mine")
    assert "train_cnn.dropout 0.2 → 0.3." in run("diff", "main", "mine")[1]
    study("git commit -qm next --allow-empty")
    status, _, error = run("diff", "main", "mine")
    assert status == 2
    assert re.match(r"error: mine: expected one experiment of that name, found \w{7}, \w{7}", error)


def test_a_pull_request_is_compared_with_where_it_left_main(study, run):
    study("git switch -qc feature")
    study("git switch -q main")
    study.flip("cnn", broken=60)
    study.lock()
    study.commit("main got worse")
    study("git switch -q feature")
    status, output, _ = run("diff")
    assert (status, paragraph(output)) == (0, "No metric changed.")


def test_a_clone_without_main_is_compared_with_that_of_its_origin(
    study, run, tmp_path, monkeypatch
):
    study("git switch -qc feature && git commit -qm next --allow-empty")
    study("git clone -q -b feature . ../clone")
    monkeypatch.chdir(tmp_path / "clone")
    status, output, _ = run("diff")
    assert status == 0
    assert paragraph(output, "Compared: ").startswith("Compared: merge base with origin/main (")


@pytest.fixture
def make(study):
    """Run `make changes` here, as if everything was installed."""
    shutil.copy(ROOT / "Makefile", study.root)
    command = study.root / ".venv/bin/mnist-study"
    command.parent.mkdir(parents=True)
    command.write_text('#!/bin/sh\nexec python -m studykit.cli "$@"\n')
    command.chmod(0o755)

    def make_changes(base):
        done = study(
            f"make -o .venv/installed changes BASE='{base}'", check=False, PYTHONPATH=f"{ROOT}/src"
        )
        return done.returncode, done.stdout + done.stderr

    return make_changes


@pytest.mark.parametrize("base", ["0" * 40, "000"])
def test_make_changes_says_that_a_new_branch_has_no_base(make, study, base):
    status, output = make(base)
    assert (status, output) == (0, f"BASE={base}: a new branch has no base to compare with\n")
    assert output in study.read("changes/comment.md")


@pytest.mark.parametrize("base", ["", "nope", "1" * 40])
def test_make_changes_fails_for_an_unknown_base(make, base):
    status, output = make(base)
    assert status == 2
    assert f"error: BASE={base}: expected a commit, branch or tag" in output


def test_make_changes_fails_for_a_loss_alone(make, study):
    assert make("main")[0] == 0
    study.flip("cnn", broken=60)
    status, output = make("main")
    assert status == 0, output  # stale, which another target fails for
    study.lock()
    assert make("main")[0] == 2
    assert study.read("changes/comment.md").startswith("### A loss: cnn test accuracy fell by 0.60")


def test_a_crash_has_a_status_without_another_meaning(study, run, monkeypatch):
    def crash(*_):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("studykit.compare.diff.compare", crash)
    status, output, error = run("diff")
    assert (status, output) == (70, "")
    assert error.startswith("Traceback")
    assert error.endswith("ZeroDivisionError: by zero\n")
    monkeypatch.setattr("studykit.records.stale.resolve", crash)
    assert run("stale")[0] == 70


def test_ctrl_c_ends_a_command_without_a_traceback(study, run, monkeypatch):
    def press(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("studykit.compare.diff.compare", press)
    assert run("diff") == (130, "", "")


def test_a_reader_that_has_seen_enough_ends_a_command_quietly(study):
    line = "python -m studykit.cli diff --all | true; exit ${PIPESTATUS[0]}"
    done = study(f"bash -c '{line}'", check=False, PYTHONPATH=f"{ROOT}/src")
    assert (done.returncode, done.stderr) == (141, "")


def test_a_command_finds_the_root_and_writes_where_the_user_is(study, run, monkeypatch):
    study.flip("cnn", broken=60)
    study.branch("worse")
    monkeypatch.chdir(study.root / "stages")
    status, output, _ = run("diff", "--md", "--images", "out")
    assert status == 1
    assert "](out/1.png)" in output
    assert (study.root / "stages/out/1.png").is_file()


def test_the_version_is_printed(run):
    status, output, _ = run("--version")
    assert (status, output) == (0, f"studykit {metadata.version('mnist-study')}\n")


def test_a_study_has_the_kits_commands_and_its_own(capsys):
    with pytest.raises(SystemExit):
        mnist_study.commands.cli.main(["--help"])
    output = capsys.readouterr().out
    assert output.startswith("usage: mnist-study ")
    for command in ("diff", "replicate", "verify"):
        assert re.search(rf"^    {command}\b", output, re.MULTILINE)


def test_an_unknown_revision(study, run):
    status, output, error = run("diff", "nope")
    assert (status, output) == (2, "")
    assert error == (
        "error: nope: expected a branch, tag, commit, experiment or `workspace`, "
        "found none of that name\n"
    )


def test_markdown_says_why_a_comparison_could_not_begin(study, run):
    status, output, error = run("diff", "nope", "--md")
    assert status == 2
    assert output.startswith("### Could not compare: nope: expected a branch, tag,")
    assert error.startswith("error: nope: expected a branch")


def test_a_shallow_clone_says_how_to_deepen_it(study, run, tmp_path, monkeypatch):
    first = study("git rev-parse HEAD").stdout.strip()
    study("git commit -qm next --allow-empty")
    study(f"git clone -q --depth 1 file://{study.root} ../shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    status, _, error = run("diff", first)
    assert status == 2
    assert error.endswith(
        "; this clone is shallow and lacks older commits: `git fetch --unshallow` brings them\n"
    )
    assert run("diff", "HEAD")[0] == 0


def test_outside_a_repository(study, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("diff", "main") == (
        2, "", "error: the current folder: expected a Git repository, found none\n"
    )  # fmt: skip


def test_a_file_that_cannot_be_read(study, run):
    (study.root / "metrics/test/cnn.json").write_text("{")
    status, _, error = run("diff")
    assert status == 2
    assert error.startswith("error: metrics/test/cnn.json: expected JSON: ")


@pytest.mark.parametrize(
    ("tolerance", "message"),
    [
        ({"absolute": 1, "relative": 1}, "loss: expected either absolute or relative, received"),
        ({}, "loss: expected either absolute or relative, received {}"),
        ({"relative": -1}, "loss.relative: expected a number of at least 0, received -1"),
        ({"rel": 1}, "loss.rel: unknown key, expected one of absolute, relative"),
    ],
)
def test_a_tolerance_that_is_none(study, run, tolerance, message):
    study.set_params(diff__tolerances={"loss": tolerance})
    status, _, error = run("diff")
    assert status == 2
    assert error.startswith(f"error: params.yaml: diff.tolerances.{message}")


def test_markdown_is_whole_and_keeps_foreign_marks_as_text(study, run):
    study.set_metrics("val/cnn", **{"<img src=x> | @all `x`": 1})
    study.flip("cnn", broken=60, mended=3)
    study.branch("worse")
    status, output, _ = run("diff", "--md")
    assert status == 1
    assert output.startswith("### A loss: cnn test accuracy fell by 0.57 points to ")
    assert f"| cnn | {points(0)} → {points(-57)} | −0.57 | [−0.73, −0.41] | " in unescape(output)
    assert "<img" not in output
    assert "@all" not in output
    assert output.count("<details>") == output.count("</details>") == 1
    assert output.rstrip().endswith("</details>")
    rows = [line for line in output.splitlines() if line.startswith("| val.cnn.&#60;img")]
    assert [row.count("|") for row in rows] == [6]


def test_json_has_every_metric_and_the_test(study, run):
    study.flip("cnn", broken=60, mended=3)
    study.branch("worse")
    status, output, _ = run("diff", "--json")
    comparison = json.loads(output)
    assert comparison["status"] == status == 1
    assert {metric["name"] for metric in comparison["metrics"]} >= {
        "test.dense.accuracy",
        "preprocess.train.images",
        "val.cnn.best_epoch",
    }
    assert not [m for m in comparison["metrics"] if m["name"].startswith("claims.")]
    (metric,) = (m for m in comparison["metrics"] if m["name"] == "test.cnn.accuracy")
    assert metric["judgement"] == "loss"
    assert metric["difference"] == pytest.approx(-0.0057)
    assert (metric["test"]["only_first"], metric["test"]["only_second"]) == (60, 3)
    assert len(comparison["flips"][0]["broken"]) == 60


def test_pictures_are_written_and_linked(study, run):
    study.flip("cnn", broken=60, mended=3)
    history = study.root / "plots/train_cnn/history.csv"
    history.write_text("\n".join(history.read_text().splitlines()[:-3]) + "\n")
    study.branch("worse")
    _, output, _ = run("diff", "--md", "--images", "out", "--image-url", "https://example.org/i/")
    links = re.findall(r"!\[(.*?)\]\(https://example.org/i/(.*?)\)", output)
    assert [caption.split("(")[0].strip() for caption, _ in links] == [
        "Validation curves, cnn",
        "Test examples by label and prediction, cnn",
        "cnn: 12 of the 60 examples that only merge base with main",
        "cnn: 3 examples that only workspace gets right",
    ]
    assert sorted(name for _, name in links) == sorted(os.listdir(study.root / "out"))
    for _, name in links:
        assert (study.root / "out" / name).read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def trained(tiny_repro, tmp_path_factory):
    """Branches of a tiny study, each with a dense net that was really trained."""
    study = tiny_repro.study.copy(tmp_path_factory.mktemp("trained") / "study")
    study.commit("results")
    for branch, start, values in (
        ("better", "main", {"train_dense__epochs": 30, "train_dense__learning_rate": 0.005}),
        ("other-seed", "better", {"compute__seed": 1}),
        ("worse", "better", {"train_dense__learning_rate": 1e-6}),
        ("no-effect", "better", {"fetch__retries": 3}),
    ):
        study(f"git switch -qc {branch} {start}")
        study.set_params(**values)
        study("dvc repro")
        study.commit(branch)
    study("git switch -q main && dvc checkout")
    return study


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "head", "status", "verdict"),
    [
        ("main", "better", 0, r"A gain, and no significant loss: .*dense test accuracy rose by "),
        ("better", "other-seed", 0, r"No (significant loss|metric changed)"),
        ("better", "worse", 1, r"A loss: .*dense test accuracy fell by "),
        ("better", "no-effect", 0, r"No metric changed\."),
    ],
)
def test_of_really_trained_nets(trained, run, monkeypatch, base, head, status, verdict):
    monkeypatch.chdir(trained.root)
    ended, output, _ = run("diff", base, head)
    assert re.match(verdict, paragraph(output)), output
    assert ended == status


@pytest.mark.slow
def test_of_two_real_experiments(trained, run, tmp_path, monkeypatch):
    study = trained.copy(tmp_path / "study")
    monkeypatch.chdir(study.root)
    for name, rate in (("high", 0.01), ("low", 1e-6)):
        study(f"dvc exp run -n {name} -S train_dense.learning_rate={rate} -S train_dense.epochs=20")
    status, output, _ = run("diff", "high", "low", "--all")
    assert status == 1
    assert cells(output, "train_dense.learning_rate")[1:] == ["0.01", "1e-06"]
    assert cells(output, "models/dense.keras")
    assert cells(output, "train_dense  ")[1] == "train_dense.learning_rate"


@pytest.mark.slow
def test_without_the_data_only_what_is_stale_runs(trained, tmp_path):
    """What `make results` relies on where there is no DVC cache."""
    trained(f"git clone -q . {tmp_path}/clone")
    clone = copy(trained)
    clone.root = tmp_path / "clone"
    (clone.root / "README.md").write_text("changed\n")
    assert "Running stage" not in clone("dvc repro --pull --allow-missing").stdout
    clone.set_params(report__errors=7)
    output = clone("dvc repro --pull --allow-missing").stdout
    assert re.findall(r"Running stage '(\w+)'", output) == ["report"]
    assert clone("git status --porcelain -- metrics models").stdout == ""


def copy_at(folder):
    study = object.__new__(TinyStudy)
    study.root = folder
    return study
