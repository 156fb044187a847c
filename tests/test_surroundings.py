"""Surroundings that a command does not choose: encodings, variables of notebooks, paths."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from studykit import cli
from tests.recorded_study import RecordedStudy
from tests.tiny_study import ENVIRONMENT, ROOT


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return RecordedStudy(tmp_path_factory.mktemp("recorded") / "study")


@pytest.mark.parametrize(
    "surroundings",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
        {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
    ids=str,
)
def test_what_an_encoding_lacks_is_a_question_mark(study, surroundings):
    done = study("mnist-study diff HEAD workspace 2>&1 | cat", **surroundings)
    assert "HEAD (" in done.stdout
    assert ") ? workspace" in done.stdout
    assert "Traceback" not in done.stdout


def test_where_the_current_folder_is_no_place_to_import_from(study):
    done = study("mnist-study stale workspace", PYTHONSAFEPATH="1")
    assert done.stderr == ""
    started = study("python -m studykit.start stages.none", check=False, PYTHONSAFEPATH="1")
    assert "stages.none: expected a module" in started.stderr


@pytest.mark.parametrize("module", ["studykit.compare.figures", "mnist_study.report.figures.style"])
def test_a_notebooks_way_to_draw_is_set_aside(module):
    """`!dvc repro` in Jupyter and Colab passes it on."""
    backend = "module://matplotlib_inline.backend_inline"
    code = f"import {module}, matplotlib; print(matplotlib.get_backend())"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=ENVIRONMENT | {"MPLBACKEND": backend, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout.strip().lower()) == ("", "agg")


LOCK = """\
schema: '2.0'
stages:
  one:
    cmd: python -c 'print(1)' > one.txt
    outs:
    - path: one.txt
      hash: md5
      md5: b026324c6904b2a9cb4b88d6d61c81d1
      size: 2
"""


def test_a_command_runs_its_programs_without_an_activated_environment(tmp_path):
    """`verify` runs DVC, which runs the commands of stages, here `python`."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(shutil.which("git", path=ENVIRONMENT["PATH"]))
    environment = ENVIRONMENT | {"PATH": str(tmp_path / "bin"), "PYTHONPATH": str(ROOT / "src")}
    root = tmp_path / "study"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").touch()
    (root / "dvc.lock").write_text(LOCK)
    (root / "dvc.yaml").write_text(
        "stages: {one: {cmd: \"python -c 'print(1)' > one.txt\", outs: [one.txt]}}"
    )
    for words in ("init -q", "add .", "commit -qm one"):
        subprocess.run(["git", *words.split()], cwd=root, env=environment, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "studykit.cli", "verify"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "bytes: all 1 outputs are those of HEAD" in done.stdout


def test_dvcs_queue_finds_dvc_without_an_activated_environment(monkeypatch):
    """Its workers call it by its name."""
    monkeypatch.setenv("PATH", "/nowhere")
    for _ in range(2):
        with pytest.raises(SystemExit):
            cli.main(["--version"])
    folder = Path(sys.executable).parent
    assert shutil.which("dvc") == str(folder / "dvc")
    assert os.environ["PATH"] == f"{folder}{os.pathsep}/nowhere"


@pytest.fixture
def run_script(tmp_path):
    """Function that runs Python code as a script of that name, in an environment with `dvc.pth`."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    environment = tmp_path / "env"
    packages = sysconfig.get_path("purelib", vars={"base": str(environment)})
    content = (ROOT / "src/studykit/dvc.pth").read_bytes()
    Path(packages, "dvc.pth").write_bytes(content)
    early = Path(packages, "studykit/warm/early.py")
    early.parent.mkdir(parents=True)
    early.write_text("open('early', 'w').close()")

    def run(name, code, *words):
        script = environment / "bin" / name
        script.write_text(f"#!{environment}/bin/python\n{code}\n")
        script.chmod(0o755)
        return subprocess.run(
            [script, *words],
            cwd=tmp_path,
            env={"PATH": "/nowhere"},
            capture_output=True,
            text=True,
            check=True,
        )

    return run


@pytest.mark.parametrize(("name", "is_found"), [("dvc", True), ("other", False)])
def test_dvc_finds_its_python_without_an_activated_environment(
    run_script, tmp_path, name, is_found
):
    done = run_script(name, "import shutil; print(shutil.which('python'))")
    assert done.stdout.strip() == (str(tmp_path / "env/bin/python") if is_found else "None")


def test_so_does_python_m_dvc(run_script, tmp_path):
    (tmp_path / "dvc.py").write_text("import shutil; print(shutil.which('python'))")
    words = [tmp_path / "env/bin/python", "-m", "dvc"]
    environment = {"PATH": "/nowhere"}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert done.stdout.decode().strip() == str(tmp_path / "env/bin/python")


@pytest.mark.parametrize(
    ("name", "words", "begins"),
    [
        ("dvc", "exp run", True),
        ("dvc", "exp run -S a=1", True),
        ("dvc", "exp run --queue -S a=1", False),
        ("dvc", "exp run --run-all", False),
        ("dvc", "exp run --help", False),
        ("dvc", "exp show", False),
        ("dvc", "repro", False),
        ("dvc", "", False),
        ("other", "exp run", False),
    ],
)
def test_an_experiments_imports_begin_with_it(run_script, tmp_path, name, words, begins):
    wait = "import os\ntry: os.wait()\nexcept ChildProcessError: pass"
    done = run_script(name, wait, *words.split())
    assert (done.stdout, done.stderr) == ("", "")
    assert (tmp_path / "early").exists() == begins
