"""Time per training step of each net: this project, plain Keras, PyTorch and JAX, and the floor.

    python -m benchmarks.steps [--rounds N] [--peers PYTHON] [--short]

Same nets, images, batch size 32, Adam, cross-entropy and dropout, with every core. A contender is
a process of its own, and its turn an epoch. The first row is the floor: the kernels of one step
alone. PyTorch and JAX are measured where PYTHON names an interpreter that has both, and Optax;
with all instruction sets of the processor, and with those up to AVX2 as this project.
"""

import tempfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.harness import UnavailableError, raw_data, run, training_images, turn
from benchmarks.processes import Worker, closing_all
from imagesets.partition import take
from imagesets.splits import save
from mnist_study.study import NETS
from studykit.processes import granted_cores

STEPS = {"dense": 1500, "cnn": 400}  # an epoch's
SHORT_STEPS = {"dense": 500, "cnn": 100}
BATCH = 32
AVX2 = {  # which this project is held to, for PyTorch and for JAX
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
}


def main():
    run("steps", prepare, doc=__doc__, rounds=9, short_rounds=2, add_arguments=add_arguments)


def add_arguments(parser):
    parser.add_argument("--data", default="data/raw", help="default: %(default)s")
    parser.add_argument("--peers", metavar="PYTHON", help="with PyTorch, JAX, Optax")


@contextmanager
def prepare(arguments):
    data = raw_data(arguments.data)
    train = training_images(data)
    with tempfile.TemporaryDirectory() as folder, closing_all() as workers:
        turns = []
        for net, name in NETS.items():
            images = BATCH * (SHORT_STEPS if arguments.short else STEPS)[net]
            path = Path(folder) / f"{net}.npz"
            save(path, take(train, np.arange(images)))
            for contender, start in contenders(net, path, arguments.peers).items():
                workers.append(start())
                turns.append(turn(name, contender, "ms per step", partial(ask, workers[-1])))
        workers.append(start_own("kernels", "matmul", granted_cores()))
        product = partial(ask, workers[-1])
        turns.append(turn("matrix product, float32, 2048 × 2048", "all cores", "GFLOP/s", product))
        yield turns


def contenders(net, path, peers):
    """Name of each contender to the function that starts its Worker; the first is the reference."""
    own = {
        "kernels alone, all cores": partial(start_own, "kernels", net, granted_cores()),
        "kernels alone, one core": partial(start_own, "kernels", net, 1),
        "this project": partial(start_own, "project", net, path),
        "Keras, model.fit": partial(start_own, "plain_keras", net, path),
    }
    if not peers:
        return own
    peer = partial(start_own, python=peers)
    ways = {"eager": "eager", "channels_last": "channels last", "compiled": "compiled"}
    if net == "dense":
        del ways["channels_last"]
    return own | {
        name + held: partial(peer, *words, environment=environment)
        for held, environment in {"": {}, ", AVX2": AVX2}.items()
        for name, words in {
            **{f"PyTorch, {name}": ("pytorch", net, path, way) for way, name in ways.items()},
            "JAX, jitted loop": ("jax_loop", net, path),
        }.items()
    }


def start_own(module, *words, **keywords):
    return Worker(f"benchmarks.contenders.{module}", *words, **keywords)


def ask(worker):
    if (answer := worker()) is None:
        raise UnavailableError(worker.reason())
    return answer


if __name__ == "__main__":
    main()
