"""Sum up the study's repetitions with other seeds, and judge the claims by all of them.

Reads `replication/`, which `mnist-study replicate` writes; writes metrics and two figures.
"""

import pandas as pd

from mnist_study.params import load
from mnist_study.report.figures.replication import draw_panels
from mnist_study.report.figures.style import compose, save
from mnist_study.scores import replication
from studykit.errors import command
from studykit.files import write_json
from studykit.tracking import live as tracking


def main():
    params = load().evaluate
    with tracking.run("replicate"):
        trials = pd.read_csv(replication.TRIALS)
        histories = pd.read_csv(replication.HISTORIES)
        summary = replication.summarise(
            trials, histories, claims=params.claims, confidence=params.confidence
        )
        write_json("metrics/replicate.json", summary)
        panels = draw_panels(trials, histories, summary, confidence=params.confidence)
        for name, drawn in panels.items():
            save(f"plots/replicate/{name}.png", compose(*drawn.values()))


if __name__ == "__main__":
    command(main)
