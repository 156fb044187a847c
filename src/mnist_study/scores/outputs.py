"""The files of the stage `evaluate`: what it found, for `report` and for comparisons."""

import pandas as pd

from mnist_study.scores import anatomy, claims, evaluation
from studykit.files import read_json, write_arrays, write_csv, write_json


def write_scores(folder, evaluations, params):
    """Write each net's layers and predictions, and the metrics of all; print the accuracies.

    Args:
        folder: of the tables.
        evaluations: net to Evaluation.
        params: the section evaluate of the parameters.
    """
    for net, each in evaluations.items():
        write_csv(f"{folder}/{net}_layers.csv", each.layers)
        write_csv(f"{folder}/{net}_predictions.csv", each.predictions)
        print(f"{net}: test accuracy {each.scores['accuracy']:.4f}")
    metrics = evaluation.metrics(evaluations, confidence=params.confidence)
    write_json("metrics/evaluate.json", metrics)


def write_verdicts(evaluations, params, stated):
    """Judge the claims by this run; write and print the verdicts.

    Args:
        evaluations, params: see write_scores.
        stated: claims, as claims.state returned them.
    """
    described = read_json("metrics/preprocess.json")
    verdicts = claims.judge(
        stated,
        sizes={name: split["images"] for name, split in described.items()},
        scores={net: each.scores for net, each in evaluations.items()},
        histories={net: pd.read_csv(f"plots/train_{net}/history.csv") for net in evaluations},
        confidence=params.confidence,
    )
    write_json("metrics/claims.json", verdicts)
    for name, verdict in verdicts.items():
        print(f"{stated[name].statement}: {verdict['verdict']}")


def write_examples(folder, evaluations, models, test, params):
    """Write the test images that the report shows, and what a first convolution makes of one.

    Args:
        folder: of the files.
        evaluations, params: see write_scores.
        models: net to keras.Sequential.
        test: Split.
    """
    shown, sampled = evaluation.choose_examples(
        [each.predictions for each in evaluations.values()],
        samples=params.samples,
        seed=params.seed,
    )
    write_arrays(f"{folder}/examples.npz", x=test.x[shown], index=shown, sampled=sampled)
    if convolution := anatomy.first_convolution(models, test.x[sampled[0]]):
        write_arrays(f"{folder}/convolution.npz", **convolution)
