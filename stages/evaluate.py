"""Score the nets on the test images, which no other stage opens, and judge the study's claims.

Reads the models, the test split, the nets' histories and the split sizes; writes metrics, a row per
test image and net, the claims with their verdicts, and what the report shows of images and nets.
"""

from imagesets.catalogue import find
from mnist_study.data.params import Data
from mnist_study.scores.params import Evaluate
from mnist_study.study import NETS
from mnist_study.training.params import Compute
from studykit.errors import command
from studykit.files import md5, write_csv, write_json
from studykit.params import load
from studykit.tracking.run import run

MODELS = {net: f"models/{net}.keras" for net in NETS}
TEST = "data/processed/test.npz"
PLOTS = "plots/evaluate"


def main():
    params = load(data=Data, evaluate=Evaluate, compute=Compute)
    with run("evaluate"):
        from imagesets import splits
        from mnist_study.compute import configure
        from mnist_study.scores import answers, claims, evaluation, outputs, robustness

        configure(params.compute)
        test = splits.load(TEST)
        disturbed = robustness.disturb_all(test, params.evaluate)
        said = answers.ask(MODELS, test, disturbed, params.compute)
        evaluations = {
            net: evaluation.evaluate(each, test, params.evaluate) for net, each in said.items()
        }
        outputs.write_scores(PLOTS, evaluations, params.evaluate)
        stated = claims.state(find(params.data.name))
        outputs.write_verdicts(PLOTS, evaluations, params.evaluate, stated)
        outputs.write_examples(PLOTS, evaluations, test, params.evaluate)
        classes = {net: each["disturbed"] for net, each in said.items()}
        robust = robustness.score(classes, disturbed.y, confidence=params.evaluate.confidence)
        write_csv(f"{PLOTS}/robustness.csv", robust)
        write_json(f"{PLOTS}/inputs.json", {path: md5(path) for path in (TEST, *MODELS.values())})


if __name__ == "__main__":
    command(main)
