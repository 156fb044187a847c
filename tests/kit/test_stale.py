"""Whether `stale` sees what `dvc status` sees, in the working tree and in a commit."""

import shutil
from argparse import Namespace

import pytest

from studykit.errors import UserError
from studykit.records import stale
from studykit.records.revisions import WORKSPACE, Revision, resolve
from studykit.records.stale import stale_stages
from tests.kit.small_pipeline import shell, write

TRAINED = ["train@dense", "train@cnn"]
# What is done to the project: (file, old text, new text), or a shell command; the stages that are
# stale by it; and why, where that is the same for all.
EDITS = {
    "nothing": ("true", [], None),
    "a parameter added to dvc.yaml": (
        ("dvc.yaml", "[train.layers]", "[train.layers, unused]"), TRAINED, "unused is new",
    ),
    "a parameter removed from dvc.yaml": (("dvc.yaml", "[depth]", "[unused]"),
        ["grid@1-a", "grid@2-a"], "other.json:unused is new"),
    "a parameter changed": (
        ("params.yaml", "[1, 2]", "[1, 3]"), TRAINED, "train.layers changed",
    ),
    "a parameter missing": (
        ("params.yaml", "layers:", "layer:"), TRAINED, "train.layers is missing",
    ),
    "an undeclared parameter changed": (("params.yaml", "unused: 1", "unused: 2"), [], None),
    "a parameter of a JSON file": (
        ("other.json", "3", "4"), ["grid@1-a", "grid@2-a"], "other.json:depth changed",
    ),
    "a parameter of a TOML file": (
        ("settings.toml", "1", "2"), ["grid@1-a", "grid@2-a"], "settings.toml:deep.value changed",
    ),
    "a parameter beside a stage in a folder": (
        ("sub/params.yaml", "1", "2"), ["inner"], "sub/params.yaml:x changed",
    ),
    "a key added to a file of parameters": (
        ("whole.yaml", "a: 1", "a: 1\nnew: 2"), ["whole"], "whole.yaml:new is new",
    ),
    "a key removed from a file of parameters": (
        ("whole.yaml", "a: 1\n", ""), ["whole"], "whole.yaml:a is missing",
    ),
    "an output added": (
        ("dvc.yaml", "outs: [sum.txt]", "outs: [sum.txt, more.txt]"), ["sum"], "more.txt is new",
    ),
    "an output removed": (("dvc.yaml", "    outs: [sum.txt]\n", ""), [], None),
    "an input added": (
        ("dvc.yaml", "deps: [source.txt]", "deps: [source.txt, other.json]"),
        ["fetch"], "other.json is new",
    ),
    "an input removed": (("dvc.yaml", "deps: [gathered, tracked.txt]", "deps: [gathered]"), [],
        None),
    "a command changed": (("dvc.yaml", "ls gathered", "ls -a gathered"), ["sum"],
        "another command"),
    "a command of a list changed": (("dvc.yaml", "echo end", "echo END"), ["whole"],
        "another command"),
    "a value in a template changed": (
        ("params.yaml", "rate: 0.1", "rate: 0.2"), TRAINED, "another command",
    ),
    "an item added to foreach": (
        ("names.yaml", "cnn]", "cnn, new]"), ["train@new"], "never run",
    ),
    "an item removed from foreach": (("names.yaml", "dense, ", ""), [], None),
    "a value added to a matrix": (("dvc.yaml", "size: [1, 2]", "size: [1, 2, 3]"), ["grid@3-a"],
        "never run"),
    "a stage added": (
        ("dvc.yaml", "stages:\n", "stages:\n  new: {cmd: run, deps: [source.txt]}\n"), ["new"],
        "never run",
    ),
    "a file changed": (
        ("source.txt", "source", "changed"), ["fetch", "inner"], "source.txt changed",
    ),
    "a file removed": ("rm source.txt", ["fetch", "inner"], "source.txt is missing"),
    "a file in a folder changed": (("library/deep/é.py", "deep", "other"), TRAINED,
        "library changed"),
    "a file in a folder added": ("echo 1 > library/new.py", TRAINED, "library changed"),
    "a file in a folder renamed": ("mv library/nets.py library/net.py", TRAINED, "library changed"),
    "an ignored folder appears": (
        "mkdir library/__pycache__; echo 1 > library/__pycache__/a; echo 1 > library/b.pyc", [],
        None,
    ),
    "a pattern less in .dvcignore": (
        "echo 1 > library/b.pyc; echo __pycache__ > .dvcignore", TRAINED, "library changed",
    ),
    "a folder with an output in it changed": (
        ("gathered/readme.txt", "readme", "other"), ["sum"], "gathered changed",
    ),
    "an output in Git changed": (
        ("one.txt", "source", "other"), ["read", *TRAINED, "gather"], "one.txt changed",
    ),
    "an output in Git removed": (
        "rm one.txt", ["read", *TRAINED, "gather"], "one.txt is missing",
    ),
    "a stage frozen, and its input changed": (
        "sed -i 's/cmd: ls/frozen: true\\n    cmd: ls/' dvc.yaml; echo 1 > gathered/new", [], None,
    ),
    "data of `dvc add` changed": (
        "rm tracked.txt; echo other > tracked.txt; dvc add -q tracked.txt", ["sum"],
        "tracked.txt changed",
    ),
}  # fmt: skip


def edit(root, change):
    """Change one file, or run a command."""
    if isinstance(change, str):
        shell(root, change)
        return
    name, old, new = change
    text = (root / name).read_text(encoding="utf-8")
    assert old in text
    write(root / name, text.replace(old, new))


def dvc_status():
    """The stages that DVC itself finds changed."""
    from dvc.repo import Repo

    with Repo() as repository:
        return [name for name in repository.status() if not name.endswith(".dvc")]


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_makes_stale_what_dvc_finds_changed_and_so_does_its_commit(small_pipeline, name):
    change, stages, reason = EDITS[name]
    edit(small_pipeline, change)
    found = stale_stages(Revision(WORKSPACE, None))
    assert sorted(found) == sorted(dvc_status())
    assert sorted(found) == sorted(stages)
    if reason:
        assert all(reason in reasons for reasons in found.values())
    shell(small_pipeline, "git add . && git commit -qm edit --allow-empty")
    assert stale_stages(resolve("HEAD")) == found


def test_a_stage_that_was_run_alone_makes_stale_what_reads_its_output(small_pipeline):
    edit(small_pipeline, ("source.txt", "source", "changed"))
    shell(small_pipeline, "dvc repro -q fetch && git add . && git commit -qm fetched")
    found = stale_stages(resolve("HEAD"))
    assert found == {"read": ["raw/more/b.txt changed"], "inner": ["source.txt changed"]}
    assert sorted(dvc_status()) == sorted(found)


def test_a_commit_is_judged_without_the_data_and_without_the_cache(small_pipeline):
    shell(small_pipeline, "rm -rf raw sub/out.txt sum.txt gathered/made tracked.txt .dvc/cache")
    assert stale_stages(resolve("HEAD")) == {}
    assert stale_stages(Revision(WORKSPACE, None)) == {}
    edit(small_pipeline, ("library/nets.py", "nets", "changed"))
    shell(small_pipeline, "git commit -qam changed")
    assert list(stale_stages(resolve("HEAD"))) == TRAINED
    assert stale_stages(resolve("HEAD~1")) == {}


def test_a_commit_has_its_own_dvcignore(small_pipeline):
    write(small_pipeline / "library/b.pyc", "compiled")
    shell(small_pipeline, "git add -f . && git commit -qm compiled")
    write(small_pipeline / ".dvcignore", "")
    assert stale_stages(resolve("HEAD")) == {}
    shell(small_pipeline, "git commit -qam 'no patterns'")
    assert list(stale_stages(resolve("HEAD"))) == TRAINED


def test_a_pattern_in_a_subfolder_counts_from_there(small_pipeline):
    write(small_pipeline / "nested/.dvcignore", "*.log\n!keep.log\n/only.txt\n")
    for name in ("a.log", "c.pyc", "keep.log", "only.txt", "in/only.txt", "a.py"):
        write(small_pipeline / "nested/code" / name, name)
    edit(small_pipeline, ("dvc.yaml", "deps: [gathered,", "deps: [nested/code, gathered,"))
    shell(small_pipeline, "dvc repro -q && git add -f . && git commit -qm nested")
    for revision in (Revision(WORKSPACE, None), resolve("HEAD")):
        assert stale_stages(revision) == {}
        assert revision.paths("nested/code") == [
            "nested/code/a.py",
            "nested/code/in/only.txt",
            "nested/code/keep.log",
            "nested/code/only.txt",
        ]


def test_the_command_prints_a_line_a_stage_and_how_to_mend_it(small_pipeline, capsys):
    assert stale.run(Namespace(revision="HEAD")) == 0
    assert capsys.readouterr().out == ""
    edit(small_pipeline, ("dvc.yaml", "ls gathered", "ls -a gathered"))
    edit(small_pipeline, ("dvc.yaml", "outs: [sum.txt]", "outs: [a, b, c, d, e, sum.txt]"))
    assert stale.run(Namespace(revision="workspace")) == 1
    assert capsys.readouterr().out.splitlines() == [
        "sum: another command, a is new, b is new, c is new, d is new and 1 more",
        "These results of workspace are not those of its code; mend it: "
        "dvc repro && git add . && git commit",
    ]


def test_what_mends_it_mends_it(small_pipeline):
    edit(small_pipeline, ("library/nets.py", "nets", "changed"))
    shell(small_pipeline, f"{stale.MEND} -qm mended".replace("repro", "repro -q"))
    assert stale_stages(resolve("HEAD")) == {}


def test_a_revision_without_a_pipeline_is_refused(small_pipeline):
    shell(small_pipeline, "git switch -q --orphan empty && git commit -q --allow-empty -m empty")
    with pytest.raises(UserError, match=r"empty \(.{7}\): expected a dvc.yaml with stages, found"):
        stale.run(Namespace(revision="empty"))


def test_an_input_that_git_ignores_is_not_missing_from_a_commit(small_pipeline):
    write(small_pipeline / "local.txt", "mine")
    write(
        small_pipeline / ".gitignore", "/local.txt\n" + (small_pipeline / ".gitignore").read_text()
    )
    edit(small_pipeline, ("dvc.yaml", "deps: [gathered,", "deps: [local.txt, gathered,"))
    shell(small_pipeline, "dvc repro -q && git add . && git commit -qm local")
    assert stale_stages(resolve("HEAD")) == {}
    shutil.rmtree(small_pipeline / "library")
    assert set(stale_stages(Revision(WORKSPACE, None))) == set(TRAINED)
