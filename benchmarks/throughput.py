"""Trials per hour: one after another with all cores, by DVC's queue, and by Ray on this machine.

    python -m benchmarks.throughput [--rounds N] [--trials N] [--short]

A trial is a DVC experiment that trains one net on all 51,000 images, with all that belongs to it:
DVC, imports, training, figures, MLflow. The dense net is trained for as many epochs as the study
does, the CNN for a few. The queue and Ray run as many trials at once as there are cores, each with
one core. The time of Ray is without the start of its cluster.
"""

import itertools
import time
from contextlib import contextmanager
from functools import partial

from benchmarks.clone import DVC, clone
from benchmarks.harness import UnavailableError, raw_data, run, turn
from benchmarks.ray_head import cluster
from mnist_study.study import NETS
from studykit.processes import granted_cores

EPOCHS = {"dense": 20, "cnn": 2}
SHORT_EPOCHS = {"dense": 2, "cnn": 1}
SWEEP = (DVC[0], "-m", "studykit.cli", "sweep")


def main():
    run("throughput", prepare, doc=__doc__, rounds=3, add_arguments=add_arguments)


def add_arguments(parser):
    parser.add_argument("--data", default="data/raw", help="default: %(default)s")
    parser.add_argument("--trials", type=int, help="of each turn; default: four a core, short one")


@contextmanager
def prepare(arguments):
    epochs = SHORT_EPOCHS if arguments.short else EPOCHS
    trials = arguments.trials or granted_cores() * (1 if arguments.short else 4)
    values = {f"train_{net}__epochs": number for net, number in epochs.items()}
    with clone(raw_data(arguments.data), **values) as project, cluster(granted_cores()) as address:
        project(*DVC, "repro", "preprocess")
        project.commit()
        rates = (f"{0.001 + number * 1e-7:.7f}" for number in itertools.count())  # never twice
        yield [
            turn(
                f"{NETS[net]}, {epochs[net]} epochs",
                name,
                "trials per hour",
                partial(per_hour, partial(way, project, net), rates, trials),
            )
            for net in NETS
            for name, way in {
                "one after another, all cores": one_after_another,
                "DVC's queue, a core each": by_queue,
                "Ray, a core each": partial(by_ray, address=address),
            }.items()
        ]


def per_hour(way, rates, trials):
    """Run some trials, of learning rates that have not been tried."""
    began = time.perf_counter()
    way(list(itertools.islice(rates, trials)))
    return 3600 * trials / (time.perf_counter() - began)


def one_after_another(project, net, rates):
    for rate in rates:
        change = f"train_{net}.learning_rate={rate}"
        finish(project(*DVC, "exp", "run", f"train_{net}", "-S", change, check=False))


def by_queue(project, net, rates, **environment):
    values = f"train_{net}.learning_rate={','.join(rates)}"
    words = (*SWEEP, values, "--target", f"train_{net}", "-j", str(granted_cores()))
    finish(project(*words, check=False, **environment))


def by_ray(project, net, rates, *, address):
    by_queue(project, net, rates, RAY_ADDRESS=address)


def finish(completed):
    if completed.returncode:
        lines = (completed.stdout + completed.stderr).strip().splitlines()
        said = [line for line in lines if line.startswith(("failed", "error"))]
        raise UnavailableError((said or lines)[-1])


if __name__ == "__main__":
    main()
