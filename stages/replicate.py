"""Sum up the study's repetitions with other seeds.

Reads `replication/`, which `mnist-study replicate` writes; writes means with a verdict on each
claim that seeds can change, and the headline metrics.
"""

from imagesets.catalogue import find
from mnist_study.data.params import Data
from mnist_study.scores.params import Evaluate
from studykit.errors import command
from studykit.files import write_json
from studykit.params import load
from studykit.tracking.run import run


def main():
    params = load(data=Data, evaluate=Evaluate)
    with run("replicate"):
        # Only now: pandas takes a while to import.
        from mnist_study import replication
        from mnist_study.scores import claims

        stated = claims.state(find(params.data.name))
        summary = replication.summarise(
            *replication.read_tables(),
            claims=stated if replication.data_name() == params.data.name else {},
            confidence=params.evaluate.confidence,
        )
        write_json("plots/replicate/summary.json", summary)
        write_json("metrics/replicate.json", replication.headline(summary))


if __name__ == "__main__":
    command(main)
