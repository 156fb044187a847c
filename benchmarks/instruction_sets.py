"""Time and bytes by instruction set: what the same bytes on other processors would cost.

    python -m benchmarks.instruction_sets [--rounds N] [--short]

Each net is trained for some hundred steps from the same seed, in a process of its own, with the
kernels of an instruction set, by one core and by all. The note begins the MD5 of the weights and of
probabilities.
"""

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import Measured, raw_data, run, training_images
from imagesets.splits import save
from mnist_study.study import NETS
from studykit.processes import granted_cores

EPOCHS = 3  # the first is a warm-up
STEPS = {"dense": 1000, "cnn": 200}  # of an epoch
SHORT_STEPS = 100
NO_ONEDNN = {"TF_ENABLE_ONEDNN_OPTS": "0"}
EIGEN_ALONE = NO_ONEDNN | {"TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "0"}
SETTINGS = {  # name: instruction set at most, variables of the environment
    "ALL": ("ALL", {}),
    "AVX512_CORE": ("AVX512_CORE", {}),
    "AVX2": ("AVX2", {}),
    "SSE41": ("SSE41", {}),
    "oneDNN off": ("ALL", NO_ONEDNN),
    "Eigen alone": ("ALL", EIGEN_ALONE),
}


def main():
    run("instruction_sets", prepare, doc=__doc__, rounds=3, add_arguments=add_arguments)


def add_arguments(parser):
    parser.add_argument("--data", default="data/raw", help="default: %(default)s")


@contextmanager
def prepare(arguments):
    with training_data(arguments.data) as path:
        yield [
            lambda net=net, setting=setting, words=words: take(net, path, setting, *words)
            for net in NETS
            for setting, words in contenders(arguments.short)
        ]


def contenders(short):
    """Each setting: name, steps of an epoch, cores, threads within an operation."""
    steps = dict.fromkeys(STEPS, SHORT_STEPS) if short else STEPS
    counts = [granted_cores()] if short else sorted({granted_cores(), 1}, reverse=True)
    for setting in SETTINGS:
        for count in counts:
            yield setting, (steps, count, 1)
    yield "ALL", (steps, granted_cores(), granted_cores())


@contextmanager
def training_data(folder):
    """The raw training images as the file of a Split; yields its path."""
    folder = raw_data(folder)
    with tempfile.TemporaryDirectory() as beside:
        path = Path(beside) / "train.npz"
        save(path, training_images(folder))
        yield path


def take(net, path, setting, steps, count, threads):
    how = f"{setting}, {count} core{'s' * (count > 1)}"
    how += f", {threads} threads an operation" if threads > 1 else ""
    answer = train(net, path, setting, steps=steps[net], epochs=EPOCHS, threads=threads,
                   environment={"OMP_NUM_THREADS": str(count)})  # fmt: skip
    case = f"{NETS[net]}, {EPOCHS * steps[net]:,} steps"
    return [Measured(case, how, answer["ms"], "ms per step", answer["md5"][:8])]


def train(net, path, setting, *, steps, epochs, threads=1, environment):
    """Train some steps in a process of its own.

    Args:
        net, path, steps, epochs, threads: see contenders/kernel_choice.py.
        setting: of SETTINGS.
        environment: further variables.

    Returns:
        dict: ms per step, md5 of the weights and of the probabilities of some images.
    """
    instruction_set, variables = SETTINGS[setting]
    options = {
        "net": net,
        "data": str(path),
        "steps": steps,
        "epochs": epochs,
        "instruction_set": instruction_set,
        "threads": threads,
        "variables": variables,
    }
    completed = subprocess.run(
        [sys.executable, "-m", "benchmarks.contenders.kernel_choice", json.dumps(options)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode:
        raise RuntimeError(f"{net}, {setting}: {completed.stderr}")
    return json.loads(completed.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
