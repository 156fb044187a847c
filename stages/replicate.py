"""Sum up the study's repetitions with other seeds.

Reads `replication/`, which `mnist-study replicate` writes; writes means with a verdict on each
claim that seeds can change, and the headline metrics.
"""

from pathlib import Path

from imagesets.catalogue import find
from mnist_study.data.params import Data
from mnist_study.scores.params import Evaluate
from studykit.errors import command
from studykit.files import write_json
from studykit.params import load
from studykit.tracking.run import run

METRICS = Path("metrics/replicate")


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
        METRICS.mkdir(parents=True, exist_ok=True)  # of none of the nets, where all are new
        for net, values in replication.headlines(summary).items():
            write_json(METRICS / f"{net}.json", values)


if __name__ == "__main__":
    command(main)
