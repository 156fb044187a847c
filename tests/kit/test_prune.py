"""Experiments removed for good: what only they use goes, and nothing else."""

import io
import shutil
import sqlite3
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType

from studykit import cli
from studykit.errors import UserError
from studykit.prune.choice import choose, read_age
from studykit.prune.prune import _writers
from studykit.prune.references import references, roots_without
from studykit.records.cache import object_path, objects_of
from studykit.records.lock import Lock
from studykit.records.pipeline import Pipeline
from studykit.records.revisions import all_revisions, resolve
from studykit.runs.entries import Entry
from studykit.tracking import turns
from studykit.tracking.store import Store
from studykit.tracking.sync import sync
from tests.kit.small_pipeline import shell, write

SWEEP = [f"sweep-rate=2,seed={seed}" for seed in (0, 1, 2)]


def kit(*words):
    """Run a subcommand of the kit; return its exit status, and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.main(list(words))
    return ended.value.code, out.getvalue(), err.getvalue()


def prune(*words):
    """What `prune --yes` prints."""
    status, out, err = kit("prune", "--yes", *words)
    assert status == 0, out + err
    return out


def experiments():
    return sorted(each.name for each in all_revisions() if each.baseline)


def used(name):
    """The files in DVC's cache that a revision's outputs consist of."""
    tree = resolve(name).tree
    lock = Lock.of(tree, Pipeline.of(tree))
    md5s = [md5 for stage in lock.stages.values() for md5 in stage.outs.values()]
    return {Path(".dvc/cache", path) for md5 in md5s for path in objects_of(md5)}


def cached():
    return {path for path in Path(".dvc/cache/files").rglob("*") if path.is_file()}


def rows(table):
    with sqlite3.connect("mlflow.db") as database:
        return database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]


@pytest.fixture(scope="module")
def synced_once(seeded_once, tmp_path_factory):
    """The seeded study, all of whose runs are in MLflow; the champion is of the experiment half."""
    root = tmp_path_factory.mktemp("synced") / "study"
    shutil.copytree(seeded_once, root, symlinks=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("DVC_ROOT", raising=False)
        patch.setenv("MLFLOW_TRACKING_URI", "")
        assert kit("sync", "--all")[0] == 0
    return root


@pytest.fixture
def synced(synced_once, tmp_path, monkeypatch):
    """A copy of it, the current folder; its store knows that it was copied."""
    root = tmp_path / "study"
    shutil.copytree(synced_once, root, symlinks=True)
    monkeypatch.chdir(root)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    Store.connect(on_news=lambda text: None)
    return root


@pytest.mark.slow
def test_a_pruned_experiment_is_gone_from_git_cache_and_mlflow_and_does_not_come_back(synced):
    client = MlflowClient(f"sqlite:///{synced}/mlflow.db")
    (experiment,) = (e for e in client.search_experiments() if e.name == "seeded")
    before = {run.info.run_id: run for run in client.search_runs([experiment.experiment_id])}
    assert any(run.inputs.dataset_inputs for run in before.values())
    kept = set().union(*(used(name) for name in ("main", "half", "sweep-rate=1,seed=1")))
    only = set().union(*map(used, SWEEP)) - kept
    assert only & cached()
    rest_of_run_cache = set(Path(".dvc/cache/runs").glob("??/*/*"))

    listed = [resolve(name) for name in SWEEP]
    said = prune("sweep-rate=2*")
    assert "3 experiments to remove" in said
    assert experiments() == ["half", "sweep-rate=1,seed=1"]
    assert not only & cached()
    assert kept <= cached()
    gone = rest_of_run_cache - set(Path(".dvc/cache/runs").glob("??/*/*"))
    assert len(gone) == 6  # train and test of each

    after = {
        run.info.run_id: run
        for run in client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
    }
    removed = [run for run_id, run in before.items() if run_id not in after]
    assert {run.data.tags["kind"] for run in removed} == {"stage", "pipeline"}
    assert {run.data.tags.get("dvc.experiment") for run in removed} == set(SWEEP)
    assert not [run for run in after.values() if run.data.tags.get("dvc.experiment") in SWEEP]
    for run in removed:
        assert not Path(run.info.artifact_uri.removeprefix("file://")).parent.exists()
    models = client.search_logged_models([experiment.experiment_id])
    with sqlite3.connect("mlflow.db") as database:
        pairs = database.execute("SELECT source_id, destination_id FROM inputs").fetchall()
    mentioned = {end for pair in pairs for end in pair if end in before or end.startswith("m-")}
    assert mentioned <= {*after, *(model.model_id for model in models)}

    assert kit("sync", "--all")[1].splitlines()[-1].startswith("0 runs added")
    assert sync(listed) == (0, 0, 0)  # as one that had listed them before
    assert experiments() == ["half", "sweep-rate=1,seed=1"]
    shell(synced, "dvc exp apply half -q && dvc checkout -q")
    assert (synced / "models/one.txt").read_text() == "0.8\n"


@pytest.mark.slow
def test_a_model_that_a_pruned_experiment_took_from_the_cache_stays(synced):
    """Such an experiment has only scored it anew; its row in MLflow still names the model."""
    shell(synced, "dvc exp run -q --name scored -S decimals=2; git checkout -q . ")
    assert kit("sync", "--all")[0] == 0
    client = MlflowClient(f"sqlite:///{synced}/mlflow.db")
    (experiment,) = (e for e in client.search_experiments() if e.name == "seeded")
    runs = client.search_runs([experiment.experiment_id])
    (row,) = (
        run
        for run in runs
        if run.data.tags["kind"] == "pipeline" and run.data.tags.get("dvc.experiment") == "scored"
    )
    (shared,) = (output.model_id for output in row.outputs.model_outputs)
    prune("scored")
    model = client.get_logged_model(shared)
    assert Path(model.artifact_location.removeprefix("file://"), "one.txt").exists()
    assert row.info.run_id not in {
        run.info.run_id for run in client.search_runs([experiment.experiment_id])
    }


@pytest.mark.slow
def test_the_experiment_of_a_champion_stays_with_all_that_is_its(synced):
    client = MlflowClient(f"sqlite:///{synced}/mlflow.db")
    champion = client.get_model_version_by_alias("seeded-one", "champion")
    client.set_registered_model_alias("seeded-one", "mine", 3)
    by_hand = client.get_model_version("seeded-one", "3")
    runs = [client.get_run(version.run_id) for version in (champion, by_hand)]
    said = prune("*")
    assert experiments() == sorted(run.data.tags["dvc.experiment"] for run in runs)
    for run, alias in zip(runs, ("champion", "mine"), strict=True):
        name = run.data.tags["dvc.experiment"]
        assert f"{name} stays: seeded-one version" in said
        version = client.get_model_version_by_alias("seeded-one", alias)
        assert version.run_id == run.info.run_id
        assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"
        assert used(name) <= cached()
    assert kit("sync", "--all")[1].splitlines()[-1].startswith("0 runs added")


@pytest.mark.slow
def test_what_history_tags_worktrees_and_uncommitted_files_refer_to_stays(seeded, tmp_path):
    in_history, tagged, elsewhere, here = SWEEP[0], SWEEP[1], SWEEP[2], "half"
    wanted = {name: used(name) for name in (*SWEEP, here)}
    baseline = shell(seeded, "git rev-parse HEAD").strip()
    # Applied, committed, and committed over; then a tag that no branch has; then another working
    # tree, and this one, with what nobody has committed.
    shell(seeded, f"dvc exp apply -q {in_history} && git commit -qam a")
    shell(seeded, f"git checkout -q {baseline} -- . && git commit -qam b")
    shell(seeded, f"dvc exp branch -q {tagged} t && git tag tagged t && git branch -qD t")
    shell(seeded, f"git worktree add -q {tmp_path}/other HEAD")
    lock = shell(seeded, f"git show {resolve(elsewhere).commit}:dvc.lock")
    write(tmp_path / "other/dvc.lock", lock)
    write(seeded / "dvc.lock", shell(seeded, f"git show {resolve(here).commit}:dvc.lock"))
    before = cached()
    prune("*")
    assert experiments() == []
    for name, files in wanted.items():
        assert files & before <= cached(), name


@pytest.mark.slow
def test_a_dry_run_a_script_without_yes_a_no_and_a_sync_at_work_remove_nothing(synced, monkeypatch):
    files, number = cached(), rows("runs")
    status, out, _ = kit("prune", "*", "--dry-run")
    assert status == 0
    assert "4 experiments to remove" in out
    refusal = "error: prune: expected --yes or --dry-run where nobody can be asked\n"
    assert kit("prune", "*") == (1, "", refusal)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True, readline=lambda: "n\n"))
    status, out, _ = kit("prune", "*")
    assert status == 1
    assert out.endswith("Remove all of this for good? [y/N] nothing was removed\n")
    with turns.adding(), turns.adding():
        refusal = "error: prune: expected no sync at work here, found one; wait\n"
        assert kit("prune", "*", "--yes")[::2] == (1, refusal)
    assert len(experiments()) == 5
    assert (cached(), rows("runs")) == (files, number)


@pytest.mark.slow
def test_a_cache_that_others_may_use_is_left_alone(seeded, tmp_path):
    cache = tmp_path / "cache"
    shell(seeded, f"mv .dvc/cache {cache} && dvc config --local cache.dir {cache}")
    before = sorted(cache.rglob("*"))
    assert "lies outside this repository, so others may use it: left alone" in prune("*")
    assert experiments() == []
    assert sorted(cache.rglob("*")) == before


@pytest.mark.slow
def test_the_runs_of_a_copied_repository_are_its_own(synced, tmp_path, monkeypatch):
    shell(synced, f"cp -r . {tmp_path}/copy")
    before = sorted((synced / "mlartifacts").rglob("*"))
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # which MLflow has set to the other store
    prune("sweep*")
    assert sorted((synced / "mlartifacts").rglob("*")) == before
    assert len(list((tmp_path / "copy/mlartifacts").rglob("*"))) < len(before)


@pytest.mark.slow
def test_experiments_of_a_lost_commit_and_all_but_the_best_can_be_chosen(seeded):
    assert "no experiment fits" in prune("--lost")
    said = prune("sweep*", "--all-but-best", "2", "--by", "val accuracy")
    assert "2 experiments to remove" in said
    assert experiments() == ["half", *SWEEP[1:]]
    write(seeded / "more.txt", "more")
    shell(seeded, "git add more.txt && git commit -qm more")
    shell(seeded, "dvc exp run -q --name new -S unused=2; git checkout -q .")
    shell(seeded, "git reset -q --hard HEAD~")
    assert "1 experiment to remove" in prune("--lost")
    assert experiments() == ["half", *SWEEP[1:]]


def test_a_condition_is_needed_and_has_to_make_sense(small_pipeline, capsys):
    for words, message in (
        ([], "prune: expected NAME, --older-than, --all-but-best or --lost, received none; "
         "'*' is all experiments"),
        (["--older-than", "soon", "--yes"], "--older-than: expected hours, days, weeks or a date, "
         "such as 12h, 30d, 2w or 2026-01-31, received soon"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            cli.main(["prune", *words])
        assert ended.value.code == 1
        assert capsys.readouterr().err == f"error: {message}\n"
    with pytest.raises(SystemExit):
        cli.main(["prune", "*", "--yes"])
    assert capsys.readouterr().out == "no experiment fits\n"


def test_ages_and_ranks_choose():
    entries = [
        Entry(str(n), time=1000 * n, metrics={"m": n % 3} if n != 4 else {}) for n in range(6)
    ]
    headlines = {"m": "M"}

    def chosen(**how):
        return "".join(entry.name for entry in choose(entries, headlines, **how))

    assert chosen(older_than=3000) == "012"
    assert chosen(best=2) == "103"  # of 2 and 5 with 2, 1 with 1, 0 and 3 with 0; 4 has none
    assert chosen(best=2, names=["[0-3]"]) == "03"
    assert chosen(best=2, older_than=1500) == "10"
    with pytest.raises(UserError, match="--by: expected a headline metric, m; received x"):
        chosen(best=1, by="x")


def test_an_age_is_a_number_of_hours_days_weeks_or_a_date(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    assert read_age("12h") == 1_000_000 - 12 * 3600
    assert read_age("2w") == 1_000_000 - 14 * 86_400
    assert read_age("1970-01-05T00:00+00:00") == 4 * 86_400


def test_a_note_of_dvcs_that_cannot_be_read_ends_it(tmp_path):
    """Who runs a pipeline is not known then."""
    note = tmp_path / ".dvc/tmp/rwlock"
    write(note, '{"read": {"/a": [{"pid": 1, "cmd": ""}]}, "write": {"/b": {"pid": 2, "cmd": ""}}}')
    assert list(_writers(tmp_path)) == [2]
    for content in ("", "{}"):
        write(note, content)
        assert list(_writers(tmp_path)) == []
    for content in ('{"write": {"/b": {"p', "[1]", '{"write": {"/b": 3}}', '{"write": {"/b": {}}}'):
        write(note, content)
        with pytest.raises(UserError, match=r"rwlock: "):
            list(_writers(tmp_path))


def test_every_version_of_a_lock_counts_and_none_of_what_is_left_out(small_pipeline):
    before = (small_pipeline / "dvc.lock").read_text()
    write(small_pipeline / "dvc.lock", before + "# " + "a" * 32 + "\n")
    shell(small_pipeline, "git commit -qam other")
    write(small_pipeline / "dvc.lock", before + "# " + "b" * 32 + ".dir\n")
    shell(small_pipeline, "git commit -qam another")
    found = references(roots_without(set()))
    assert {"a" * 32, "b" * 32 + ".dir"} <= found.md5s
    assert len(found.commits) == 3
    newer = references(["HEAD"], without=["HEAD~"])
    assert "b" * 32 + ".dir" in newer.md5s
    assert newer.commits == [resolve("HEAD").commit]
    assert object_path("ab" + "c" * 30) == "files/md5/ab/" + "c" * 30
