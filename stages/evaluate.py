"""Score both nets on the test images, which no other stage opens, and judge the study's claims.

Reads the models, the test split, the dense net's history and the split sizes; writes metrics, a row
per test image and net, the claims with their verdicts, and what the report shows of images and
nets.
"""

import numpy as np
import pandas as pd

from mnist_study.data import splits
from mnist_study.params import load
from mnist_study.scores import calibration, claims
from mnist_study.scores.uncertainty import paired_difference
from studykit.errors import command
from studykit.files import atomic_write, md5, read_json, write_csv, write_json
from studykit.tracking import live as tracking

NETS = ("dense", "cnn")
MODELS = {net: f"models/{net}.keras" for net in NETS}
TEST = "data/processed/test.npz"


def main():
    params = load()
    with tracking.run("evaluate"):
        from mnist_study.nets.compute import configure, keras
        from mnist_study.scores import anatomy, evaluation, prediction

        configure(params.compute)
        confidence = params.evaluate.confidence
        test = splits.load(TEST)
        models = {net: keras.saving.load_model(path, compile=False) for net, path in MODELS.items()}
        scores, tables, layers = {}, {}, {}
        for net, model in models.items():
            probabilities = prediction.predict(model, test)
            tables[net] = evaluation.tabulate(probabilities, test.y)
            scores[net] = evaluation.score(probabilities, test.y, confidence=confidence)
            scores[net] |= calibration.score(
                tables[net],
                bins=params.evaluate.calibration_bins,
                confidence=confidence,
                seed=params.evaluate.seed,
            )
            layers[net] = anatomy.describe_layers(model)
            write_csv(f"plots/evaluate/{net}_layers.csv", layers[net])
            write_csv(f"plots/evaluate/{net}_predictions.csv", tables[net])
            print(f"{net}: test accuracy {scores[net]['accuracy']:.4f}")

        right = [tables[net]["label"] == tables[net]["prediction"] for net in NETS]
        difference = paired_difference(*right, confidence=confidence)
        write_json(
            "metrics/evaluate.json",
            {
                net: {
                    "test": scores[net],
                    "multiply_adds": int(layers[net]["multiply_adds"].sum()),
                }
                for net in NETS
            }
            | {"cnn_minus_dense": difference._asdict()},
        )
        sizes = {
            name: split["images"] for name, split in read_json("metrics/preprocess.json").items()
        }
        verdicts = claims.judge(
            params.evaluate.claims,
            sizes=sizes,
            scores=scores,
            dense_history=pd.read_csv("plots/train_dense/history.csv"),
            confidence=confidence,
        )
        write_json("metrics/claims.json", verdicts)
        for name, verdict in verdicts.items():
            print(f"{claims.describe(name, verdict)}: {verdict['verdict']}")

        shown, sampled = evaluation.choose_examples(
            [tables[net] for net in NETS],
            samples=params.evaluate.samples,
            seed=params.evaluate.seed,
        )
        with atomic_write("plots/evaluate/examples.npz") as beside:
            np.savez(beside, x=test.x[shown], index=shown, sampled=sampled)
        kernels, maps = anatomy.first_convolution(models["cnn"], test.x[sampled[0]])
        with atomic_write("plots/evaluate/convolution.npz") as beside:
            np.savez(beside, kernels=kernels, maps=maps)
        inputs = {path: md5(path) for path in (TEST, *MODELS.values())}
        write_json("plots/evaluate/inputs.json", inputs)


if __name__ == "__main__":
    command(main)
