"""The files of the stage `evaluate`: what it found, for `report` and for comparisons."""

import pandas as pd

from mnist_study.scores import claims, evaluation
from netserve.stored import read_network
from studykit.files import read_json, write_arrays, write_csv, write_json

LARGEST = 4_000_000  # bytes of a network's weights; those of a larger one have no room on a page


def write_scores(folder, evaluations, params):
    """Write each net's tables and weights, and the scores of all; print the accuracies.

    Args:
        folder: of the tables and of all scores; `metrics/test/` has the headline values.
        evaluations: net to Evaluation.
        params: the section evaluate of the parameters.
    """
    for net, each in evaluations.items():
        write_csv(f"{folder}/{net}_classes.csv", each.classes)
        write_csv(f"{folder}/{net}_layers.csv", each.layers)
        write_csv(f"{folder}/{net}_predictions.csv", each.predictions)
        network = read_network(f"models/{net}.keras", most=LARGEST)
        write_json(f"{folder}/{net}_network.json", network)
        print(f"{net}: test accuracy {each.scores['accuracy']:.4f}")
    summary = evaluation.sum_up(evaluations, confidence=params.confidence)
    write_json(f"{folder}/scores.json", summary)
    for name, values in evaluation.headlines(summary).items():
        write_json(f"metrics/test/{name}.json", values)


def write_verdicts(folder, evaluations, params, stated):
    """Judge the claims by this run; write and print the verdicts.

    Args:
        folder, evaluations, params: see write_scores.
        stated: claims, as claims.state returned them.
    """
    described = read_json("plots/preprocess/splits.json")
    verdicts = claims.judge(
        stated,
        sizes={name: split["images"] for name, split in described.items()},
        scores={net: each.scores for net, each in evaluations.items()},
        histories={net: pd.read_csv(f"plots/train_{net}/history.csv") for net in evaluations},
        confidence=params.confidence,
    )
    write_json(f"{folder}/claims.json", verdicts)
    for name, verdict in verdicts.items():
        print(f"{stated[name].statement}: {verdict['verdict']}")


def write_examples(folder, evaluations, test, params):
    """Write the test images that the report shows; test is their Split, see write_scores."""
    tables = [each.predictions for each in evaluations.values()]
    drawn = {"samples": params.samples, "seed": params.seed}
    shown, sampled = evaluation.choose_examples(tables, **drawn)
    write_arrays(f"{folder}/examples.npz", x=test.x[shown], index=shown, sampled=sampled)
