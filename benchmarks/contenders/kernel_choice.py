"""Train some steps with some kernels: `python -m benchmarks.contenders.kernel_choice JSON`.

The words, as JSON: net, data (.npz of a Split), steps (of an epoch), epochs, instruction_set,
threads (within an operation, the project has one), and variables of the environment that TensorFlow
reads when it is imported. Prints milliseconds per step, of the fastest epoch after the first, and
the MD5 of the weights at the end and of the probabilities of some images.
"""

import hashlib
import json
import os
import sys

options = json.loads(sys.argv[1])


def set_variables(event, arguments):
    """The project pins these variables right before TensorFlow's import: this comes after that."""
    if event == "import" and arguments[0] == "tensorflow":
        os.environ.update(options["variables"])


sys.addaudithook(set_variables)

from benchmarks.study import prepare
from imagesets import splits
from imagesets.splits import Split
from mnist_study.compute import tf
from mnist_study.scores.prediction import BATCH_SIZE, predict


def main():
    model, section, fit = prepare(
        options["net"],
        compute={"instruction_set": options["instruction_set"]},
        set_up=lambda: tf.config.threading.set_intra_op_parallelism_threads(options["threads"]),
        epochs=options["epochs"],
    )
    data = splits.load(options["data"])
    images = options["steps"] * section.batch_size
    speeds = []
    fit(
        Split(data.x[:images], data.y[:images]),
        Split(data.x[:32], data.y[:32]),
        on_epoch=lambda row, images_per_second: speeds.append(images_per_second),
    )
    probabilities = predict(model, Split(data.x[:BATCH_SIZE], data.y[:BATCH_SIZE]))
    arrays = (*model.get_weights(), probabilities)
    md5 = hashlib.md5(b"".join(array.tobytes() for array in arrays)).hexdigest()
    answer = {"ms": 1000 * section.batch_size / max(speeds[1:] or speeds), "md5": md5}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
