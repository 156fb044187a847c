"""How often `mnist-study diff` calls a loss: where there is none, and where there is one.

The truth is known because it is made here. Each test image has a chance of its own to be missed,
the same in both revisions where the models are equally good; what a revision gets right is drawn
from that. The chances follow a beta distribution, whose correlation sets how often two equally good
models miss the same images. Two nets are tested at once, as the study has two.

    python -m benchmarks.diff_rates
"""

import argparse
from typing import NamedTuple

import numpy as np

from mnist_study.scores.uncertainty import paired_difference
from studykit.compare.metrics import judge_test
from studykit.compare.paired import holm
from studykit.compare.settings import DiffSettings
from studykit.params import load

IMAGES = 10_000


class Net(NamedTuple):
    """A kind of net: share of images that it misses, and correlation between two of its kind."""

    error: float
    correlation: float


# Errors as measured; of the images that one misses, the other misses about half.
NETS = {"dense": Net(0.0373, 0.5), "cnn": Net(0.0064, 0.5)}


def count_losses(settings, *, pairs, losses, seed=0):
    """Of many pairs of revisions, count those in which a net's accuracy is called a loss.

    Args:
        settings: the section `diff` of the parameters.
        pairs: how many.
        losses: true loss of accuracy by net; 0 for the nets that are not named.
        seed: of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    called = 0
    for _ in range(pairs):
        tests = [_draw_pair(net, losses.get(name, 0), settings, rng) for name, net in NETS.items()]
        p_values = holm([test.p_value for test in tests])
        judged = map(judge_test, tests, p_values, [settings] * len(tests))
        called += "loss" in judged
    return called


def smallest_loss_found(settings, net, *, pairs, power=0.8, step=0.0001):
    """The smallest true loss of a net's accuracy that is called one in a given share of pairs."""
    low, high = 0, round(0.02 / step)  # steps: too small, and large enough
    while high - low > 1:
        middle = (low + high) // 2
        if count_losses(settings, pairs=pairs, losses={net: middle * step}) < power * pairs:
            low = middle
        else:
            high = middle
    return high * step


def _draw_pair(net, loss, settings, rng):
    spread = 1 / net.correlation - 1  # of a beta distribution whose two draws correlate so
    chance = rng.beta(net.error * spread, (1 - net.error) * spread, IMAGES)
    worse = chance + (1 - chance) * loss / (1 - net.error)  # on average, by the loss
    before, after = (rng.random(IMAGES) >= missed for missed in (chance, worse))
    return paired_difference(before, after, confidence=1 - settings.significance)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=1000)
    pairs = parser.parse_args().pairs
    settings = load(diff=DiffSettings).diff
    false = count_losses(settings, pairs=pairs, losses={})
    print(f"equally good: {false} of {pairs} pairs called a loss")
    for net in NETS:
        smallest = smallest_loss_found(settings, net, pairs=pairs)
        print(f"{net}: a true loss of {100 * smallest:.2f} points is found 80 % of the time")


if __name__ == "__main__":
    main()
