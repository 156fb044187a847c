"""The loops in which users sit all day, from the command to the prompt.

    python -m benchmarks.loops [--rounds N] [--short]

The project has results, of one-epoch trainings: how long they took changes none of these times.
"""

import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.clone import DVC, Clone, clone
from benchmarks.harness import Measured, raw_data, run
from benchmarks.parts import timed_parts

CLI = (DVC[0], "-m", "studykit.cli")
NOTHING_TO_DO = "nothing to do"
EXPERIMENT = "`dvc exp run -S train_dense.epochs=1`, part by part"


def main():
    run("loops", prepare, doc=__doc__, rounds=7, short_rounds=2, add_arguments=add_arguments)


def add_arguments(parser):
    parser.add_argument("--data", default="data/raw", help="default: %(default)s")


@contextmanager
def prepare(arguments):
    shorter = {"train_dense__epochs": 2, "train_cnn__epochs": 1}
    with (
        clone(raw_data(arguments.data), **shorter) as project,
        tempfile.TemporaryDirectory() as folder,
    ):
        project(*DVC, "repro")
        project.commit()
        empty, single, broken = (
            Clone(f"{folder}/{name}") for name in ("empty", "single", "broken")
        )
        make_empty(empty)
        make_empty(single)
        (single.root / "in").touch()
        single(*DVC, "stage", "add", "--run", "-n", "copy", "-d", "in", "-o", "out", "cp in out")
        single.commit()
        project("git", "clone", "--quiet", str(project.root), str(broken.root))
        broken.set_params(train_cnn__dropout=1.5)
        yield [
            timed(NOTHING_TO_DO, "dvc status, empty project", empty, *DVC, "status"),
            timed(NOTHING_TO_DO, "dvc repro, one stage of one file", single, *DVC, "repro"),
            timed(NOTHING_TO_DO, "dvc status", project, *DVC, "status"),
            timed(NOTHING_TO_DO, "dvc repro", project, *DVC, "repro"),
            timed("answers", "mnist-study --help", project, *CLI, "--help"),
            timed("answers", "parameter error", broken, DVC[0], "-m", "stages.train_cnn", status=1),
            partial(experiment, project, Path(folder)),
        ]


def make_empty(project):
    """A project of DVC with nothing in it."""
    project.root.mkdir()
    project("git", "init", "--quiet")
    project(*DVC, "init", "--quiet")
    project.commit()


def timed(case, name, project, *words, status=0):
    """A command's turn."""

    def take():
        began = time.perf_counter()
        completed = project(*words, check=False)
        seconds = time.perf_counter() - began
        if completed.returncode != status:
            raise RuntimeError(f"{name}\n{completed.stdout}\n{completed.stderr}")
        return [Measured(case, name, seconds, "s")]

    return take


def experiment(project, folder):
    """An experiment that has not been run, so with another learning rate each time."""
    tried = sum(each.name.startswith("clocks") for each in folder.iterdir())
    changes = {
        "train_dense.epochs": "1",
        "train_dense.learning_rate": f"{0.001 + tried * 1e-7:.7f}",
    }
    words = [word for key, value in changes.items() for word in ("-S", f"{key}={value}")]
    parts = timed_parts(project, folder / f"clocks-{tried}", *DVC, "exp", "run", *words)
    rows = {"whole": sum(parts.values())} | parts
    return [Measured(EXPERIMENT, part, seconds, "s") for part, seconds in rows.items()]


if __name__ == "__main__":
    main()
