"""The harness of the benchmarks, and each benchmark at its smallest."""

import json
import subprocess
import sys
import textwrap
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from operator import attrgetter

import numpy as np
import pandas as pd
import pytest

from benchmarks import harness, parts, processors, tables
from benchmarks.clone import DVC
from benchmarks.harness import Measured, UnavailableError
from benchmarks.instruction_sets import train
from benchmarks.processes import Worker
from imagesets import splits
from mnist_study.study import NETS
from tests.tiny_study import ROOT


def broken():
    raise UnavailableError("no such library")


@pytest.fixture
def frame():
    """Three rounds in which the machine halves its speed: b takes twice as long as a throughout."""
    seconds = {"a": iter([1.0, 2.0, 1.5]), "b": iter([2.0, 4.0, 3.0])}
    turns = [
        harness.turn("loop", name, "s", lambda name=name: next(seconds[name])) for name in "ab"
    ]
    turns.append(harness.turn("loop", "c", "s", broken))
    return list(harness.measure(turns, 3))[-1]


def test_every_second_round_goes_the_other_way_round():
    taken = []

    def turn(name):
        return lambda: [Measured("loop", name, taken.append(name) or 1.0, "s")]

    frame = list(harness.measure([turn("a"), turn("b")], 3))[-1]
    assert taken == ["a", "b", "b", "a", "a", "b"]
    assert list(frame["contender"]) == ["a", "b"] * 3
    assert list(frame["round"]) == [1, 1, 2, 2, 3, 3]


def test_medians_ranges_and_ratios_are_those_worked_out_by_hand(frame):
    a, b, c = harness.summarise(frame).to_dict("records")
    assert (a["median"], a["low"], a["high"], a["ratio"]) == (1.5, 1.0, 2.0, 1.0)
    assert (b["median"], b["low"], b["high"], b["ratio"]) == (3.0, 2.0, 4.0, 2.0)
    assert np.isnan(c["median"])
    assert c["note"] == "does not work: no such library"


def test_a_ratio_compares_within_a_round():
    rows = [
        ("a", 1.0, 1),
        ("b", 1.1, 1),
        ("a", 9.0, 2),
        ("b", 9.9, 2),
        ("a", 5.0, 3),
        ("b", 5.0, 3),
    ]
    frame = pd.DataFrame(
        [Measured("loop", name, value, "s")._asdict() | {"round": n} for name, value, n in rows]
    )
    assert harness.summarise(frame)["ratio"].iloc[1] == pytest.approx(1.1)


def test_the_table_reads_as_markdown(frame):
    assert harness.table(frame) == textwrap.dedent("""\
        | loop, s | median |        range | ratio | note                           |
        | ------- | -----: | -----------: | ----: | ------------------------------ |
        | a       |   1.50 | 1.00 to 2.00 |  1.00 |                                |
        | b       |   3.00 | 2.00 to 4.00 |  2.00 |                                |
        | c       |      – |              |       | does not work: no such library |""")


@pytest.mark.parametrize(
    ("value", "text"), [(0.012345, "0.0123"), (1.0, "1.00"), (99.96, "100.0"), (51000, "51,000")]
)
def test_numbers_have_three_digits_that_count(value, text):
    assert harness.spell(value) == text


def test_what_is_written_is_read_back(frame, tmp_path):
    harness.write(tmp_path / "loop.csv", frame, "a machine, 2 cores")
    again, machine = harness.read(tmp_path / "loop.csv")
    assert machine == "a machine, 2 cores"
    assert harness.table(again) == harness.table(frame)


def test_the_figure_has_a_panel_a_case(frame):
    other = frame.assign(case="other")
    figure = harness.draw(pd.concat([frame, other]))
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["loop, s", "other, s"]
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["a", "b"]


def test_a_document_is_filled_from_the_results(frame, tmp_path):
    harness.write(tmp_path / "loop.csv", frame, "a machine")
    text = "before\n<!-- benchmark loop -->\nold\n<!-- /benchmark -->\nafter\n"
    filled = tables.fill(text, tmp_path)
    assert filled.startswith("before\n<!-- benchmark loop -->\n\n| loop, s |")
    assert filled.endswith("a machine. Rounds: 3.\n\n<!-- /benchmark -->\nafter\n")
    assert "old" not in filled
    assert tables.fill(filled, tmp_path) == filled


def test_the_documents_show_the_recorded_results():
    shown = set()
    for document in tables.DOCUMENTS:
        text = document.read_text("utf-8")
        assert tables.fill(text) == text, "run: python -m benchmarks.tables"
        shown |= {found[2] for found in tables.BLOCK.finditer(text)}
    assert {path.stem for path in harness.RESULTS.glob("*.csv")} <= shown


@pytest.fixture
def alike():
    """Two processors after one training: the dense net is the same on both, the CNN is not."""
    row = {"training": "40 steps", "model": 32 * "a", "history": 32 * "b"}
    return pd.DataFrame(
        row | {"processor": name, "is": what, "net": net, "probabilities": 32 * digit}
        for name, what, digit in (("this one", "real", "0"), ("Rome", "amd, 32 KB", "1"))
        for net, digit in (("dense", "c"), ("cnn", digit))
    )


def test_the_table_of_processors_shows_each_md5_and_how_many_results_there_are(alike):
    assert processors.table(alike) == textwrap.dedent("""\
        | 40 steps | maker and caches | dense net            | CNN                  |
        | -------- | ---------------- | -------------------- | -------------------- |
        | this one | real             | aaaaaa bbbbbb cccccc | aaaaaa bbbbbb 000000 |
        | Rome     | amd, 32 KB       | aaaaaa bbbbbb cccccc | aaaaaa bbbbbb 111111 |

        Different results: 1 of the dense net, 2 of the CNN.""")


def test_the_table_of_processors_is_filled_in(alike, tmp_path):
    harness.write(tmp_path / "processors.csv", alike, "a machine")
    filled = tables.fill("<!-- benchmark processors -->\n<!-- /benchmark -->\n", tmp_path)
    assert "| Rome " in filled
    assert filled.endswith("a machine.\n\n<!-- /benchmark -->\n")


def test_the_clock_knows_functions_that_exist():
    spec = spec_from_file_location("clock", parts.CLOCK / "sitecustomize.py")
    clock = module_from_spec(spec)
    spec.loader.exec_module(clock)
    for module, functions in clock.PARTS.items():
        for function in functions:
            assert callable(attrgetter(function)(import_module(module))), (module, function)


def test_the_parts_add_up_to_the_whole():
    clocks = [
        {"process": "dvc", "seconds": {"stages": 7.0, "other": 2.5}},
        {"process": "stages.a", "seconds": {"training": 3.0, "interpreter and imports": 1.0}},
        {"process": "stages.b", "seconds": {"figures": 2.0}},
    ]
    assert parts.add_up(10.0, clocks) == {
        "training": 3.0,
        "DVC": 3.0,  # that it did not wait for a stage
        "figures": 2.0,
        "interpreter and imports": 2.0,  # one of them before and after the stages' own clocks
    }


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Starts a process from the lines of its main function."""

    def start(lines):
        (tmp_path / "counting.py").write_text(f"from benchmarks.processes import Turns\n{lines}")
        return Worker("counting", environment={"PYTHONPATH": f"{tmp_path}:{ROOT}"})

    return start


def test_a_worker_waits_for_its_turns_and_drops_the_warm_up_of_each(worker):
    counting = worker(
        "turns = Turns()\nfor n in range(9):\n    print('noise')\n    turns.answer(n)"
    )
    assert [counting(), counting()] == [2, 4]
    counting.close()


def test_a_worker_that_fails_says_why(worker):
    failing = worker("raise ImportError('no JAX here')")
    assert failing() is None
    assert failing.reason() == "ImportError: no JAX here"
    failing.close()


def test_a_worker_that_crashes_says_by_which_signal(worker):
    crashing = worker("import os\nos.abort()")
    assert crashing() is None
    assert crashing.reason() == "ended by SIGABRT"
    crashing.close()


def test_missing_data_end_in_one_line(tmp_path):
    command = [sys.executable, "-m", "benchmarks.loops", "--data", tmp_path]
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert completed.returncode == 1
    assert completed.stderr == (
        f"error: {tmp_path}: expected the four files of MNIST, found none; "
        "run `dvc repro fetch`, or name their folder: --data FOLDER\n"
    )


class Tiny:
    """A tiny study as a clone to measure in."""

    def __init__(self, study):
        self.root = study.root
        self._study = study

    def __call__(self, *words, **environment):
        return self._study(" ".join(words), **environment)


@pytest.mark.slow
def test_a_watched_pipeline_charges_its_time_to_parts(study, tmp_path):
    study.commit("results")
    found = parts.timed_parts(
        Tiny(study), tmp_path / "clocks", *DVC, "repro", "--force", "train_dense"
    )
    assert found["training"] > 0.1
    assert found["interpreter and imports"] > found["saving"] > 0
    assert found["MLflow"] > 0
    assert found["DVC"] > 0.1
    clocks = [json.loads(file.read_text()) for file in (tmp_path / "clocks").iterdir()]
    names = {clock["process"] for clock in clocks}
    assert names == {"dvc", "stages.fetch", "stages.preprocess", "stages.train_dense"}


@pytest.mark.slow
@pytest.mark.parametrize("contender", ["project", "plain_keras"])
@pytest.mark.parametrize("net", NETS)
def test_a_contender_measures_its_training_step_whenever_it_is_asked(
    contender, net, tiny_train, tmp_path
):
    splits.save(tmp_path / "train.npz", tiny_train)
    worker = Worker(f"benchmarks.contenders.{contender}", net, tmp_path / "train.npz")
    answers = [worker(), worker()]
    worker.close()
    assert all(0.01 < milliseconds < 10_000 for milliseconds in answers)
    assert answers[0] != answers[1]


@pytest.mark.slow
def test_the_bytes_depend_on_the_kernels_and_not_on_the_cores(tiny_train, tmp_path):
    path = tmp_path / "train.npz"
    splits.save(path, tiny_train)

    def md5(setting, cores):
        environment = {"OMP_NUM_THREADS": str(cores)}
        return train("cnn", path, setting, steps=10, epochs=1, environment=environment)["md5"]

    assert md5("AVX2", 1) == md5("AVX2", 2)
    assert md5("SSE41", 2) != md5("Eigen alone", 2)
