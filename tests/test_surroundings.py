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


@pytest.mark.parametrize(("name", "is_found"), [("dvc", True), ("other", False)])
def test_dvc_finds_its_python_without_an_activated_environment(tmp_path, name, is_found):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    environment = tmp_path / "env"
    packages = sysconfig.get_path("purelib", vars={"base": str(environment)})
    content = (ROOT / "src/studykit/dvc.pth").read_bytes()
    Path(packages, "dvc.pth").write_bytes(content)
    script = environment / "bin" / name
    script.write_text(
        f"#!{environment}/bin/python\nimport os, shutil\nprint(shutil.which('python'))\n"
    )
    script.chmod(0o755)
    done = subprocess.run(
        [script], env={"PATH": "/nowhere"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == (str(environment / "bin/python") if is_found else "None")
