"""Train the fully connected net on the training images; validation images score each epoch.

Reads `train.npz` and `val.npz` in `data/processed/`; writes `models/dense.keras`, the history and
metrics.
"""

from mnist_study.nets import dense
from mnist_study.training.params import Compute
from studykit.errors import command
from studykit.params import load
from studykit.tracking.run import run


def main():
    params = load(train_dense=dense.Params, compute=Compute)
    with run("train_dense") as tracked:
        # Only now: TensorFlow takes seconds to import, and a mistake in a parameter none to find.
        from mnist_study.training.fit import train_and_write

        train_and_write(
            "dense",
            dense.build,
            params=params.train_dense,
            compute=params.compute,
            on_epoch=tracked.log_epoch,
        )


if __name__ == "__main__":
    command(main)
