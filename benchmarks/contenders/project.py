"""Time per step as this project trains: `python -m benchmarks.contenders.project NET DATA BACKEND`.

An epoch is a turn. Only its training counts, not the validation after it.
"""

import sys

from benchmarks.processes import Turns
from mnist_study.data import splits
from mnist_study.data.splits import Split
from mnist_study.nets import backend
from mnist_study.params import load


def main():
    turns = Turns()
    net, path, name = sys.argv[1:]
    backend.choose(name)
    from mnist_study.compute import configure
    from mnist_study.nets import networks
    from mnist_study.training.fit import train

    params = load()
    section = getattr(params, f"train_{net}").model_copy(update={"epochs": sys.maxsize})
    configure(params.compute)
    model = getattr(networks, f"build_{net}")(section)
    data = splits.load(path)
    train(
        model,
        data,
        Split(data.x[:32], data.y[:32]),
        params=section,
        seed=params.compute.seed,
        steps_per_execution=params.compute.steps_per_execution,
        on_epoch=lambda row, images_per_second: turns.answer(
            1000 * section.batch_size / images_per_second
        ),
    )


if __name__ == "__main__":
    main()
