"""Sum up the study's repetitions with other seeds.

Reads `replication/`, which `mnist-study replicate` writes; writes metrics with a verdict on each
claim that seeds can change.
"""

from mnist_study.scores.params import Evaluate
from studykit.errors import command
from studykit.files import write_json
from studykit.params import load
from studykit.tracking.run import run


def main():
    params = load(evaluate=Evaluate).evaluate
    with run("replicate"):
        from mnist_study import replication  # only now: pandas takes a while to import

        summary = replication.summarise(
            *replication.read_tables(), claims=params.claims, confidence=params.confidence
        )
        write_json("metrics/replicate.json", summary)


if __name__ == "__main__":
    command(main)
