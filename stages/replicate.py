"""Sum up the study's repetitions with other seeds, and say whether they are of this very study.

Reads `replication/`, which `mnist-study replicate` writes, and all that its trials depend on;
writes metrics with a verdict on each claim that seeds can change, and how the study differs.
"""

from mnist_study.scores.params import Evaluate
from studykit.errors import command
from studykit.files import write_json
from studykit.params import load
from studykit.tracking.run import run


def main():
    params = load(
        fetch=dict,
        preprocess=dict,
        train_dense=dict,
        train_cnn=dict,
        evaluate=Evaluate,
        compute=dict,
    )
    with run("replicate"):
        import pandas as pd

        from mnist_study import replication, verdicts

        trials = pd.read_csv(replication.TRIALS)
        histories = pd.read_csv(replication.HISTORIES)
        summary = replication.summarise(
            trials,
            histories,
            claims=params.evaluate.claims,
            confidence=params.evaluate.confidence,
        )
        write_json("metrics/replicate.json", summary)
        differences = verdicts.differences(
            dict(params), trials, histories, verdicts.read_histories()
        )
        write_json(verdicts.DIFFERENCES, differences)
        for difference in differences:
            print(f"not what the trials were measured on: {difference}")


if __name__ == "__main__":
    command(main)
