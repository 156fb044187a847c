"""Draw the study's figures and tell the whole result on one page.

Reads metrics, curves, predictions and the examples that `evaluate` kept; writes the figures and
`report/index.html`.
"""

import numpy as np
import pandas as pd

from mnist_study import report, tracking
from mnist_study.errors import command
from mnist_study.figures.digits import draw_digit, draw_predictions
from mnist_study.figures.style import save
from mnist_study.files import read_json
from mnist_study.params import load

NETS = ("dense", "cnn")


def main():
    params = load()
    with tracking.run("report"):
        predictions = pd.read_csv("plots/evaluate/cnn_predictions.csv")
        with np.load("plots/evaluate/examples.npz") as examples:
            images = dict(zip(examples["index"].tolist(), examples["x"], strict=True))
            sampled = examples["sampled"].tolist()
        wrong = predictions.index[predictions["label"] != predictions["prediction"]].tolist()

        def draw_grid(indices, title):
            chosen = np.array([images[index] for index in indices])
            return draw_predictions(chosen, predictions.loc[indices], title)

        shown = wrong[: params.report.errors]
        first = sampled[0]
        save("plots/report/digit.png", draw_digit(images[first], predictions["label"][first]))
        save("plots/report/samples.png", draw_grid(sampled, "What the CNN says of test digits"))
        title = f"{len(shown)} of the {len(wrong)} test digits that the CNN gets wrong"
        save("plots/report/cnn_errors.png", draw_grid(shown, title))

        sizes = {
            name: split["images"] for name, split in read_json("metrics/preprocess.json").items()
        }
        page = report.render(
            {
                "One test digit.": "plots/report/digit.png",
                "Accuracy and loss of the dense net.": "plots/train_dense/curves.png",
                "Test digits with the CNN's prediction and confidence on top, the label below.": (
                    "plots/report/samples.png"
                ),
                "Accuracy and loss of the CNN.": "plots/train_cnn/curves.png",
                "Test digits that the CNN gets wrong: its prediction on top, the label below.": (
                    "plots/report/cnn_errors.png"
                ),
            },
            confidence=params.evaluate.confidence,
            sizes=sizes,
            verdicts=read_json("metrics/claims.json"),
            training={net: read_json(f"metrics/train_{net}.json") for net in NETS},
            evaluation=read_json("metrics/evaluate.json"),
        )
        report.write_page("report/index.html", page)


if __name__ == "__main__":
    command(main)
