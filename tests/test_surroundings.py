"""Surroundings that a command does not choose: encodings, variables of notebooks, paths."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

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
