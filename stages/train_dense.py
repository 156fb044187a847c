"""Train the fully connected net on the training images; validation images score each epoch.

Reads `train.npz` and `val.npz` in `data/processed/`; writes `models/dense.keras`, the history, its
curves and metrics.
"""

from mnist_study.nets import backend
from mnist_study.params import load
from studykit.errors import command
from studykit.tracking import live as tracking


def main():
    params = load()
    with tracking.run("train_dense") as run:
        backend.choose(params.compute.backend)
        # Only now: TensorFlow takes seconds to import, and a mistake in a parameter none to find.
        from mnist_study.nets import networks, training

        training.run_stage(
            "dense",
            networks.build_dense,
            params=params.train_dense,
            compute=params.compute,
            on_epoch=run.log_epoch,
        )


if __name__ == "__main__":
    command(main)
