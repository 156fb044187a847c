"""Time per step as this project trains: `python -m benchmarks.contenders.project NET DATA`.

An epoch is a turn. Only its training counts, not the validation after it.
"""

import sys

from benchmarks.processes import Turns
from benchmarks.study import prepare
from imagesets import splits
from imagesets.splits import Split


def main():
    turns = Turns()
    net, path = sys.argv[1:]
    _, section, fit = prepare(net, epochs=sys.maxsize)
    data = splits.load(path)
    fit(
        data,
        Split(data.x[:32], data.y[:32]),
        on_epoch=lambda row, images_per_second: turns.answer(
            1000 * section.batch_size / images_per_second
        ),
    )


if __name__ == "__main__":
    main()
