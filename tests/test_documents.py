"""The documents are held against the code and the committed results."""

import re
import shlex
import subprocess

import pytest

from mnist_study.commands import cli as study_cli
from mnist_study.verdicts import read_decided
from studykit import cli as kit_cli
from studykit.records.pipeline import Pipeline, is_below
from studykit.records.trees import WorkingTree
from tests.tiny_study import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

# Shown in the documents and not run by the test below, each for its reason.
NOT_RUN = {
    "make repro": "CI runs it",
    "make test": "CI runs it",
    "make check": "CI runs it",
    "make verify": "tests/test_verify.py verifies the tiny study",
    "make replicate": "tests/test_replication.py replicates the tiny study",
    "make bench": "takes minutes",
    "make bench-all": "takes hours",
    "source .venv/bin/activate": "the test's PATH does the same",
    "mnist-study ui": "serves until it is stopped; tests/kit/test_ui.py looks at its pages",
    "dvc queue start -j 2": "tests/test_stores.py runs four at once",
    "dvc exp run --queue -S 'train_dense.learning_rate=0.001,0.003,0.0003,0.01'": "likewise",
    "dvc exp run -S 'datasets.yaml:mnist.sources=[/path/to/folder]'": "test_sources.py does so",
    "git add dvc.lock metrics plots models": "nothing of ours",
}


def shown_commands():
    """The commands that the documents show behind a prompt."""
    for path in DOCUMENTS:
        if path.name in ("studykit.md", "team.md"):  # test_example.py and test_team.py run these
            continue
        for block in re.findall(r"```console\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
            yield from (line[2:] for line in block.splitlines() if line.startswith("$ "))


@pytest.fixture
def decided(monkeypatch):
    """The verdicts that count. Without seeds of these parameters, the README is `main`'s still."""
    monkeypatch.chdir(ROOT)
    verdicts, differences = read_decided()
    if differences:
        pytest.skip(f"the ten seeds are of another study: {differences[0]}")
    return verdicts


def test_the_readme_shows_the_verdicts_that_count(decided):
    rows = []
    for verdict in decided.values():
        form = "{:.2%}" if verdict["claimed"] < 1 else "{:,}"
        measured, low, high = (form.format(verdict[key]) for key in ("measured", "low", "high"))
        interval = "exact" if low == high else f"{low} to {high}"
        over = f"{verdict['seeds']} seeds" if verdict["seeds"] else "one run"
        statement = verdict["statement"]
        rows.append(f"| {statement} | {measured} | {interval} | {over} | {verdict['verdict']} |")
    table = README.partition("| --- | ---: | ---: | --- | --- |\n")[2].partition(
        "<!-- /results -->"
    )[0]
    assert table.splitlines() == rows


@pytest.mark.usefixtures("decided")
def test_the_readme_shows_the_metrics_as_dvc_does_in_120_columns():
    shown = subprocess.run(
        ["dvc", "metrics", "show"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    lines = [line.rstrip() for line in shown.splitlines()]
    assert max(map(len, lines)) <= 120
    assert "\n".join(["```text", *lines, "```"]) in README


@pytest.mark.usefixtures("decided")
def test_the_figures_of_the_readme_are_outputs_of_the_pipeline():
    tree = WorkingTree(ROOT)
    outputs = Pipeline.of(tree).outs
    images = re.findall(r"!\[.+?\]\((.+?)\)", README)
    assert len(images) >= 3
    for image in images:
        assert any(is_below(image, out) for out in outputs) or image.startswith("docs/")
        assert (ROOT / image).is_file()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(path):
    for target in re.findall(r"\]\((?!https?:|#)(.+?)\)", path.read_text("utf-8")):
        if not target.startswith("plots/report/seeds_"):  # the test above looks for these
            assert (path.parent / target.partition("#")[0]).exists(), target


def test_the_map_of_the_code_names_every_module():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rooms = {f"{path.name}/" for path in (ROOT / "src").glob("*/*") if path.is_dir()}
    modules = {path.stem for path in (ROOT / "src").glob("*/*.py")}
    for name in (rooms | modules) - {"__init__", "__pycache__/"}:
        assert f"`{name}`" in text, name


def test_the_readme_names_every_subcommand():
    for name in kit_cli.COMMANDS | study_cli.COMMANDS:
        assert f"mnist-study {name}" in "".join(p.read_text("utf-8") for p in DOCUMENTS)


def test_every_command_that_is_not_run_is_shown():
    assert set(NOT_RUN) <= set(shown_commands())


@pytest.mark.slow
def test_the_shown_commands_run(study):
    study.commit("results")
    for command in dict.fromkeys(shown_commands()):
        if command not in NOT_RUN:
            completed = study(command, check=False)
            assert completed.returncode in (0, 1), f"{command}\n{completed.stderr}"
            assert "Traceback" not in completed.stderr, command
            assert completed.returncode == 0 or shlex.split(command)[:2] == ["mnist-study", "diff"]
