"""Score the classifier on the test images."""

import numpy as np
import pandas as pd
from scipy.special import softmax

from studykit.errors import command
from studykit.files import write_csv, write_json
from studykit.tracking.run import run


def main():
    with run("evaluate"):
        test, model = np.load("data/test.npz"), np.load("models/linear.npz")
        probabilities = softmax(test["x"] @ model["coefficients"].T + model["intercepts"], axis=1)
        table = pd.DataFrame(
            {
                "label": test["y"],
                "prediction": probabilities.argmax(axis=1),
                "confidence": probabilities.max(axis=1),
            }
        )
        accuracy = float((table["label"] == table["prediction"]).mean())
        write_csv("plots/linear_predictions.csv", table)
        write_json("metrics/evaluate.json", {"linear": {"test": {"accuracy": accuracy}}})


if __name__ == "__main__":
    command(main)
