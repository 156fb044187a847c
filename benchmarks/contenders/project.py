"""Time per step as this project trains: `python -m benchmarks.contenders.project NET DATA`.

An epoch is a turn. Only its training counts; the validation after it is a single batch, and taken
off.
"""

import sys
import time

from benchmarks.processes import Turns
from mnist_study import networks, splits
from mnist_study.compute import configure, keras
from mnist_study.params import load
from mnist_study.splits import Split
from mnist_study.training import train


def main():
    turns = Turns()
    net, path = sys.argv[1:]
    params = load()
    section = getattr(params, f"train_{net}").model_copy(update={"epochs": sys.maxsize})
    configure(params.compute)
    model = getattr(networks, f"build_{net}")(section)
    data = splits.load(path)
    validated = timed_validations()

    def on_epoch(row, images_per_second):
        seconds = len(data) / images_per_second - validated.pop()
        turns.answer(1000 * seconds / (len(data) / section.batch_size))

    train(
        model,
        data,
        Split(data.x[:32], data.y[:32]),
        params=section,
        steps_per_execution=params.compute.steps_per_execution,
        on_epoch=on_epoch,
    )


def timed_validations():
    """Time all validations: a list that gets the seconds of each."""
    seconds = []
    evaluate = keras.Model.evaluate

    def evaluate_timed(*arguments, **keywords):
        began = time.perf_counter()
        result = evaluate(*arguments, **keywords)
        seconds.append(time.perf_counter() - began)
        return result

    keras.Model.evaluate = evaluate_timed
    return seconds


if __name__ == "__main__":
    main()
