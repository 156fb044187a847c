"""What the kit reads out of `dvc.yaml` and `dvc.lock`, held against DVC itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from studykit.errors import UserError
from studykit.records import templates
from studykit.records.cache import files_of_folder, object_path
from studykit.records.lock import Lock
from studykit.records.parameters import Parameters
from studykit.records.pipeline import Output, Pipeline
from studykit.records.revisions import WORKSPACE, Revision, resolve
from studykit.records.stages import record_from_workspace, records
from studykit.records.trees import WorkingTree, folder_md5
from tests.kit.small_pipeline import shell, write
from tests.tiny_study import ENVIRONMENT, ROOT


def pipeline(folder, text, **files):
    """The Pipeline of a text."""
    write(folder / "dvc.yaml", text)
    for name, content in files.items():
        write(folder / f"{name}.yaml", content)
    return Pipeline.of(WorkingTree(folder))


def lock(folder, text):
    """The Lock of a text."""
    write(folder / "dvc.lock", text)
    tree = WorkingTree(folder)
    return Lock.of(tree, Pipeline.of(tree))


def dvc_stages():
    """Command, inputs, parameters and outputs of each stage as DVC itself reads them."""
    from dvc.dependency import ParamsDependency
    from dvc.repo import Repo

    def path(each):
        return Path(os.path.relpath(each.fs_path)).as_posix()

    def kind(out):
        return "metrics" if out.metric else "plots" if out.plot else "outs"

    with Repo() as repository:
        return {
            stage.name: (
                stage.cmd,
                {path(dep) for dep in stage.deps if not isinstance(dep, ParamsDependency)},
                {path(dep): dep.params for dep in stage.deps if isinstance(dep, ParamsDependency)},
                {Output(path(out), out.use_cache, kind(out), out.persist) for out in stage.outs},
            )
            for stage in repository.index.stages
            if hasattr(stage, "name")
        }


@pytest.mark.parametrize("revision", [WORKSPACE, "HEAD"])
def test_a_pipeline_is_the_one_that_dvc_reads(small_pipeline, revision):
    stages = Pipeline.of(resolve(revision).tree).stages.values()
    ours = {each.name: (each.cmd, set(each.deps), each.params, set(each.outs)) for each in stages}
    assert ours == dvc_stages()


def test_every_stage_of_the_pipeline_is_read(small_pipeline):
    assert list(Pipeline.of(WorkingTree()).stages) == [
        "fetch", "read", "train@dense", "train@cnn", "grid@1-a", "grid@2-a", "inner", "whole",
        "gather", "sum",
    ]  # fmt: skip


def test_values_in_commands_are_spelled_as_dvc_is_configured_to(small_pipeline):
    shell(
        small_pipeline, "dvc config parsing.bool boolean_optional && dvc config parsing.list append"
    )
    text = "stages: {a: {cmd: 'run ${options}'}}"
    read = pipeline(small_pipeline, text, names="options: {fast: false, sizes: [1, 2]}\n"
                    , params="options: {fast: false, sizes: [1, 2]}\n")  # fmt: skip
    assert read.stages["a"].cmd == "run --no-fast --sizes 1 --sizes 2"
    assert read.stages["a"].cmd == dvc_stages()["a"][0]


def test_a_record_of_a_run_is_the_one_of_its_lock(small_pipeline, tmp_path):
    for revision in (Revision(WORKSPACE, None), resolve("HEAD")):
        locked = records(revision, tmp_path)
        assert {each.stage for each in locked} == set(Pipeline.of(revision.tree).stages)
        for record in locked:
            assert record_from_workspace(record.stage) == record
            assert record_from_workspace(record.stage).key == record.key


def test_the_records_of_a_revision_are_in_the_order_in_which_stages_run(small_pipeline, tmp_path):
    order = [record.stage for record in records(resolve("HEAD"), tmp_path)]
    for earlier, later in [("fetch", "read"), ("read", "train@cnn"), ("gather", "sum")]:
        assert order.index(earlier) < order.index(later)


def test_a_record_has_the_parameters_of_other_files_and_of_a_stages_own_folder(small_pipeline):
    assert record_from_workspace("grid@1-a").params == {
        "other.json:depth": 3,
        "settings.toml:deep.value": 1,
    }
    assert record_from_workspace("inner").params == {"sub/params.yaml:x": 1}
    assert record_from_workspace("whole").params == {"whole.yaml:a": 1, "whole.yaml:b": {"c": 2}}


def test_a_record_knows_all_parameters_of_its_revision(small_pipeline, tmp_path):
    """Also those that no stage declares, and for a stage in a folder of its own."""
    values = {"rate": 0.1, "train": {"layers": [1, 2]}, "unused": 1}
    assert record_from_workspace("inner").values == values
    write(small_pipeline / "params.yaml", "rate: 0.1\ntrain: {layers: [1, 2]}\nunused: 2\n")
    assert record_from_workspace("train@cnn").values == values | {"unused": 2}
    committed = records(resolve("HEAD"), tmp_path)
    assert [record.values for record in committed] == [values] * len(committed)
    assert record_from_workspace("read").key in {record.key for record in committed}


@pytest.mark.parametrize(
    ("stage", "path", "files"),
    [
        ("fetch", "raw", {"a.txt": "source\n", "more/b.txt": "source\n"}),  # in the cache
        ("train@cnn", "library", {"nets.py": "nets\n", "deep/é.py": "deep\n"}),  # in Git
        ("read", "one.txt", "source\n"),  # in Git, and, with the name of another, in the cache
        ("inner", "sub/out.txt", "in\n"),  # in the cache
    ],
)
@pytest.mark.parametrize("revision", [WORKSPACE, "HEAD"])
@pytest.mark.parametrize("change", ["true", "echo other > one.txt; rm -r raw library sub/out.txt"])
def test_the_content_of_a_file_or_folder_is_found(
    small_pipeline, tmp_path, stage, path, files, revision, change
):
    shell(small_pipeline, change)
    (record,) = [r for r in records(resolve(revision), tmp_path / "copies") if r.stage == stage]
    found = record.open(path)
    if change != "true" and revision == WORKSPACE and path == "library":
        assert found is None  # the cache has none of it
    elif isinstance(files, str):
        assert found.read_text() == files
    else:
        texts = {p.relative_to(found).as_posix(): p.read_text() for p in found.rglob("*.*")}
        assert texts == files


def test_the_content_of_a_file_or_folder_comes_from_a_remote(small_pipeline, tmp_path):
    shell(small_pipeline, f"dvc remote add -q -d there {tmp_path}/remote && dvc push -q")
    shell(small_pipeline, "git commit -qam remote && rm -rf .dvc/cache raw sub/out.txt")
    by_stage = {each.stage: each for each in records(resolve("HEAD"), tmp_path / "copies")}
    assert by_stage["inner"].open("sub/out.txt").read_text() == "in\n"
    assert (by_stage["fetch"].open("raw") / "more/b.txt").read_text() == "source\n"


def test_content_that_is_nowhere_is_none(small_pipeline, tmp_path):
    shell(small_pipeline, "rm -rf .dvc/cache raw")
    (record,) = [r for r in records(resolve("HEAD"), tmp_path / "c") if r.stage == "fetch"]
    assert record.open("raw") is None
    assert record.open("source.txt").read_text() == "source\n"


@pytest.mark.parametrize("content", [b'[{"md5": "a', b"{}", b"\xff", b'[{"relpath": "a"}]', b""])
def test_a_spoilt_list_of_a_folder_in_the_cache_is_told(small_pipeline, content):
    md5 = WorkingTree().md5("raw")
    assert files_of_folder(md5).keys() == {"a.txt", "more/b.txt"}
    path = small_pipeline / ".dvc/cache" / object_path(md5)
    path.chmod(0o644)
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"/{md5[2:]}: .*; remove it"):
        files_of_folder(md5)


def test_the_md5_of_a_folder_is_dvcs():
    # The list of DVC's own object in a cache: [{"md5": …, "relpath": "a"}, …]
    files = {"b/c": "0cc175b9c0f1b6a831c399e269772661", "a": "92eb5ffee6ae2fec3ad71c777531578f"}
    text = (
        '[{"md5": "92eb5ffee6ae2fec3ad71c777531578f", "relpath": "a"}, '
        '{"md5": "0cc175b9c0f1b6a831c399e269772661", "relpath": "b/c"}]'
    )
    md5 = subprocess.run(["md5sum"], input=text, capture_output=True, text=True, check=True).stdout
    assert folder_md5(files) == f"{md5.split()[0]}.dir"


def test_what_needs_no_template_needs_no_dvc(small_pipeline):
    write(small_pipeline / "dvc.yaml", "stages: {a: {cmd: x, deps: [library], outs: [one.txt]}}")
    code = (
        "import sys; from studykit.records.stages import record_from_workspace as record; "
        "print(record('a').deps['library'], sorted({'dvc', 'mlflow', 'numpy'} & set(sys.modules)))"
    )
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", code]
    answer = subprocess.check_output(command, env=environment, text=True)
    assert answer == "cc127a2d53e9f459fbb37694345d1b69.dir []\n"


WORDS = """
stages:
  a:
    cmd: run ${data.name} ${data.name}
    params: [data.name, {sets.yaml: ["${data.name}", "${data.name}.files"]}]
    outs: ["${data.name}.txt": {cache: false}]
"""


def test_words_of_the_parameters_are_put_in_as_dvc_does_and_without_dvc(tmp_path):
    write(tmp_path / "dvc.yaml", WORDS)
    write(tmp_path / "params.yaml", "data: {name: small-set}")
    code = (
        "import sys; from studykit.records.pipeline import Pipeline; "
        "from studykit.records.trees import WorkingTree; "
        "from studykit.records import templates; one = sys.argv[1] == 'dvc'; "
        "templates._put_words_in = (lambda *_: None) if one else templates._put_words_in; "
        "stage = Pipeline.of(WorkingTree()).stages['a']; "
        "print(stage, 'dvc' in sys.modules)"
    )
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT / "src")}
    ours, dvcs = (
        subprocess.check_output(
            [sys.executable, "-c", code, way], env=environment, cwd=tmp_path, text=True
        )
        for way in ("ours", "dvc")
    )
    assert "cmd='run small-set small-set'" in ours
    assert "'sets.yaml': ['small-set', 'small-set.files']" in ours
    assert ours == dvcs.replace("True\n", "False\n")


@pytest.mark.parametrize(
    ("cmd", "values"),
    [
        ("run ${data.number}", "data: {number: 1e-3}"),
        (r"run \${data.name}", "data: {name: a}"),
        ("run ${data.list[0]}", "data: {list: [a]}"),
    ],
    ids=["number", "escaped", "item"],
)
def test_what_is_no_word_is_left_to_dvc(tmp_path, cmd, values):
    write(tmp_path / "params.yaml", values)
    declared = {"stages": {"a": {"cmd": cmd}}}
    assert templates._put_words_in(WorkingTree(tmp_path), declared) is None


def test_entries_of_other_systems_have_something_that_tells_versions_apart(tmp_path):
    text = """
schema: '2.0'
stages:
  a:
    cmd: x
    deps:
    - {path: "s3://bucket/a", etag: %s, size: 3}
    - {path: "https://example.org/b", hash: md5, md5: 0123456789abcdef0123456789abcdef}
    - {path: folder, files: [{relpath: f, md5: 0cc175b9c0f1b6a831c399e269772661, size: 1}]}
    outs:
    - {path: plain, size: 3}
"""
    write(tmp_path / "dvc.yaml", "stages: {a: {cmd: x}}")
    one, other = (lock(tmp_path, text % tag).stages["a"] for tag in ("one", "other"))
    assert one.deps["s3://bucket/a"] != other.deps["s3://bucket/a"]
    assert one.deps["https://example.org/b"] == "0123456789abcdef0123456789abcdef"
    assert one.deps["folder"] == folder_md5({"f": "0cc175b9c0f1b6a831c399e269772661"})
    assert one.outs == other.outs


def test_what_lies_outside_the_file_system_is_in_no_record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "dvc.yaml", "stages: {a: {cmd: x, deps: ['s3://bucket/a', in]}}")
    write(tmp_path / "in", "a")
    write(
        tmp_path / "dvc.lock",
        "stages: {a: {cmd: x, deps: [{path: 's3://bucket/a', etag: e}, "
        "{path: in, md5: 0cc175b9c0f1b6a831c399e269772661}]}}",
    )
    (locked,) = records(Revision(WORKSPACE, None), tmp_path)
    assert locked.deps == {"in": "0cc175b9c0f1b6a831c399e269772661"}
    assert locked == record_from_workspace("a")


def test_a_stage_needs_the_makers_of_its_inputs_in_folders_too(small_pipeline):
    read = Pipeline.of(WorkingTree())
    assert [each.name for each in read.needed_by("read")] == ["fetch", "read"]
    assert [each.name for each in read.needed_by("sum")] == ["fetch", "read", "gather", "sum"]
    trained = ["fetch", "read", "train@dense", "train@cnn"]
    assert [each.name for each in read.needed_by("train")] == trained
    assert len(read.needed_by()) == 10
    assert read.makers("gathered") == {"gather"}
    assert read.makers("raw/more") == {"fetch"}
    assert read.makers("library") == set()


CONFLICT = "<<<<<<< HEAD\nstages: {}\n=======\nstages: {a: 1}\n>>>>>>> other\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("dvc.yaml", CONFLICT, "dvc.yaml: expected YAML, found a merge conflict; resolve it"),
        ("dvc.yaml", "[1]", "dvc.yaml: expected keys with values, received a list"),
        ("dvc.yaml", "stages: [1]", "dvc.yaml: stages: Input should be a valid dictionary"),
        ("dvc.yaml", "stages: {a: run}", "dvc.yaml: stages.a: Input should be a valid dict"),
        ("dvc.yaml", "stages: {a: {deps: [x]}}", "dvc.yaml: stages.a.cmd: Field required"),
        ("dvc.yaml", "stages: {a: {cmd: x, deps: y}}", "dvc.yaml: stages.a.deps: Input should be"),
        ("dvc.yaml", "stages: {a: {cmd: '${no}'}}", "dvc.yaml: failed to parse 'stages.a.cmd' in"),
        ("dvc.yaml", "stages: {a: {foreach: [1]}}", "dvc.yaml: stages.a: .* both `foreach` and"),
        ("dvc.yaml", "a: 'b", "dvc.yaml: expected YAML: while scanning a quoted scalar"),
        ("dvc.lock", CONFLICT, "dvc.lock: expected YAML, found a merge conflict; resolve it"),
        ("dvc.lock", "[1]", "dvc.lock: expected keys with values, received a list"),
        ("dvc.lock", "stages: {a: {cmd: x, deps: [in]}}", "dvc.lock: stages.a.deps.0: Input"),
        ("dvc.lock", "stages: {a: {cmd: x, outs: [{md5: a}]}}", "dvc.lock: stages.a.outs.0.path: "),
        ("params.yaml", CONFLICT, "params.yaml: expected YAML, found a merge conflict; resolve it"),
        ("params.yaml", "1", "params.yaml: expected keys with values, received 1"),
        ("more.json", "{", "more.json: expected JSON: Expecting property name"),
    ],
)
def test_wrong_content_is_one_line_that_names_the_file(tmp_path, name, text, message):
    write(tmp_path / "dvc.yaml", "stages: {a: {cmd: x, params: [p, more.json: [q]]}}")
    write(tmp_path / "params.yaml", "{}")
    write(tmp_path / name, text)
    tree = WorkingTree(tmp_path)

    def read():
        pipeline = Pipeline.of(tree)
        return Parameters(tree).of_stage(pipeline.stages["a"]), Lock.of(tree, pipeline)

    with pytest.raises(UserError, match=message) as error:
        read()
    assert "\n" not in str(error.value)


def test_wrong_content_of_a_commit_names_the_commit_too(small_pipeline, tmp_path):
    write(small_pipeline / "dvc.lock", CONFLICT)
    shell(small_pipeline, "git commit -qam conflict && git tag broken")
    with pytest.raises(UserError, match=r"dvc.lock of broken \(.{7}\): expected YAML, found a"):
        records(resolve("broken"), tmp_path)


def test_a_stage_that_is_not_there_is_one_line(small_pipeline):
    with pytest.raises(UserError, match=r"dvc.yaml: expected a stage train, found fetch, read"):
        record_from_workspace("train")


def test_a_link_in_git_is_followed(small_pipeline):
    shell(small_pipeline, "ln -s ../source.txt library/link && git add . && git commit -qm link")
    for revision in (resolve("HEAD"), Revision(WORKSPACE, None)):
        assert revision.tree.files("library")["link"] == revision.tree.md5("source.txt")


def test_a_project_may_lie_in_a_subfolder_of_its_repository(small_pipeline, tmp_path, monkeypatch):
    shell(small_pipeline, "rm -rf .git && cd .. && git init -q && git add . && git commit -qm sub")
    tree = resolve("HEAD").tree
    assert tree.read("sub/in.txt") == b"in\n"
    assert tree.paths("library") == ["library/deep/é.py", "library/nets.py"]
    assert tree.md5s(["library", "source.txt", "none"]) == WorkingTree().md5s(
        ["library", "source.txt"]
    )
