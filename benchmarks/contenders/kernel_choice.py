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

from mnist_study.compute import configure, tf
from mnist_study.data import splits
from mnist_study.data.splits import Split
from mnist_study.nets import networks
from mnist_study.params import load
from mnist_study.scores.prediction import BATCH_SIZE, predict
from mnist_study.training.fit import train


def main():
    params = load()
    net = options["net"]
    section = getattr(params, f"train_{net}").model_copy(update={"epochs": options["epochs"]})
    configure(params.compute.model_copy(update={"instruction_set": options["instruction_set"]}))
    tf.config.threading.set_intra_op_parallelism_threads(options["threads"])
    model = getattr(networks, f"build_{net}")(section)
    data = splits.load(options["data"])
    images = options["steps"] * section.batch_size
    speeds = []
    train(
        model,
        Split(data.x[:images], data.y[:images]),
        Split(data.x[:32], data.y[:32]),
        params=section,
        seed=params.compute.seed,
        steps_per_execution=params.compute.steps_per_execution,
        on_epoch=lambda row, images_per_second: speeds.append(images_per_second),
    )
    probabilities = predict(model, Split(data.x[:BATCH_SIZE], data.y[:BATCH_SIZE]))
    arrays = (*model.get_weights(), probabilities)
    md5 = hashlib.md5(b"".join(array.tobytes() for array in arrays)).hexdigest()
    answer = {"ms": 1000 * section.batch_size / max(speeds[1:] or speeds), "md5": md5}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
