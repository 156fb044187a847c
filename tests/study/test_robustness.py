"""How well nets read disturbed images, as a table."""

from types import SimpleNamespace

import numpy as np

from imagesets.disturbances import UNITS
from imagesets.splits import Split
from mnist_study.scores import robustness
from mnist_study.scores.robustness import AMOUNTS


def test_every_kind_of_disturbance_is_measured():
    assert AMOUNTS.keys() == UNITS.keys()


def test_the_table_has_a_row_per_net_kind_and_amount():
    """One net sees a dot in the middle, one always says 0; half of the images are black."""
    x = np.zeros((80, 9, 9, 1), np.uint8)
    x[:40, 4, 4] = 200
    test = Split(x, np.repeat([1, 0], 40).astype(np.uint8), ("none", "dot"))
    disturbed = robustness.disturb_all(test, SimpleNamespace(disturbed=1000, seed=0))
    answers = {"middle": disturbed.x[:, 4, 4, 0] > 100, "never": np.zeros(len(disturbed), int)}
    table = robustness.score(answers, disturbed.y, confidence=0.95)
    cases = [(kind, amount) for kind in AMOUNTS for amount in (0, *AMOUNTS[kind])]
    assert list(zip(table["kind"], table["amount"], strict=True)) == 2 * cases
    found = table.set_index(["net", "kind", "amount"])["accuracy"]
    assert set(found["never"]) == {0.5}
    assert [found["middle", "shift", amount] for amount in range(5)] == [1, 0.5, 0.5, 0.5, 0.5]
    assert found["middle", "rotation", 40] == 1
    assert set(table["images"]) == {80}
    assert ((table["low"] < table["accuracy"]) & (table["accuracy"] <= table["high"])).all()
