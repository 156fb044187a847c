"""Train a linear classifier; val scores each epoch."""

import numpy as np
import pandas as pd
from sklearn.linear_model import SGDClassifier

from studykit.errors import command
from studykit.files import write_arrays, write_csv, write_json
from studykit.params import read
from studykit.tracking.run import run


def main():
    params = read()["train"]
    with run("train") as tracked:
        train, val = np.load("data/train.npz"), np.load("data/val.npz")
        model = SGDClassifier(
            loss="log_loss",
            learning_rate="constant",
            eta0=params["learning_rate"],
            random_state=params["seed"],
        )
        history = []
        for epoch in range(1, params["epochs"] + 1):
            model.partial_fit(train["x"], train["y"], classes=range(10))
            row = {"epoch": epoch, "val/accuracy": model.score(val["x"], val["y"])}
            tracked.log_epoch(row)
            history.append(row)
        write_arrays("models/linear.npz", coefficients=model.coef_, intercepts=model.intercept_)
        write_csv("plots/linear_history.csv", pd.DataFrame(history))
        write_json("metrics/train.json", {"val": {"accuracy": history[-1]["val/accuracy"]}})


if __name__ == "__main__":
    command(main)
