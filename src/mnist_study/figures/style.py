"""One style for all figures, and the same bytes each time one is saved."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from mnist_study.files import replacing

plt.style.use(Path(__file__).with_name("study.mplstyle"))


def save(path, figure):
    """Write a figure as PNG, without the version that matplotlib would put into it; close it."""
    with replacing(path) as beside:
        figure.savefig(beside, metadata={"Software": None})
    plt.close(figure)
