import math

import numpy as np
import pandas as pd
import pytest

from imagesets.splits import Split
from mnist_study.compute import keras
from mnist_study.nets import classifier, dense
from mnist_study.scores import anatomy, pairs
from mnist_study.scores.confusion import confusion
from mnist_study.scores.evaluation import (
    Evaluation,
    choose_examples,
    headlines,
    score,
    score_classes,
    sum_up,
    tabulate,
)
from mnist_study.scores.prediction import predict


def probabilities(*rows):
    """float32 (n, 10): each row a dict of digit to probability."""
    table = np.zeros((len(rows), 10), np.float32)
    for number, row in enumerate(rows):
        for digit, probability in row.items():
            table[number, digit] = probability
    return table


# Five images: 0 right, 0 taken for 1, 1 right, 1 right, 2 taken for 1.
P = probabilities(
    {0: 0.5, 1: 0.25, 2: 0.25},
    {0: 0.25, 1: 0.75},
    {0: 0.5, 1: 0.5 + 2**-10},
    {1: 1.0},
    {1: 0.875, 2: 0.125},
)
Y = np.array([0, 0, 1, 1, 2], np.uint8)
DIGITS = tuple("0123456789")


def labelled(y, classes=DIGITS):
    """Test images of these labels; what they show is all the same."""
    return Split(np.zeros((len(y), 2, 2, 1), np.uint8), np.array(y, np.uint8), classes)


@pytest.fixture
def scored():
    return score(P, labelled(Y), confidence=0.95)


def test_accuracy_is_the_share_of_right_predictions(scored):
    assert scored["accuracy"] == 3 / 5
    assert scored["errors"] == 2


def test_the_accuracy_comes_with_its_wilson_interval(scored):
    # z = 1.959964: (0.6 + z²/10 ± z · √(0.24/5 + z²/100)) / (1 + z²/5)
    assert scored["accuracy_low"] == pytest.approx(0.230724, abs=1e-6)
    assert scored["accuracy_high"] == pytest.approx(0.882379, abs=1e-6)


def test_loss_is_the_mean_negative_logarithm_of_the_labels_probability(scored):
    third = (0.5 + 2**-10) / (1 + 2**-10)  # of a row that sums to a little more than 1
    expected = -(math.log(1 / 2) + math.log(1 / 4) + math.log(third) + math.log(1 / 8)) / 5
    assert scored["loss"] == pytest.approx(expected, rel=1e-12)


def test_an_impossible_label_costs_a_finite_loss():
    # A probability of 0 counts as the step from 1 to the next float64, as in scikit-learn.
    scored = score(probabilities({1: 1.0}), labelled([0]), confidence=0.95)
    assert scored["loss"] == pytest.approx(52 * math.log(2))


def test_a_confusion_counts_labels_in_rows_and_predictions_in_columns():
    counts = confusion(tabulate(P, Y), 10)
    assert counts.shape == (10, 10)
    assert counts[:3, :3].tolist() == [[1, 1, 0], [0, 2, 0], [0, 1, 0]]
    assert counts.sum() == 5


def test_precision_recall_and_f1_are_given_per_class():
    table = score_classes(tabulate(P, Y), [str(digit) for digit in range(10)])
    none = [0.0] * 7  # no such digit: 0, without a warning
    assert table["images"].tolist() == [2, 2, 1, *none]
    assert table["precision"].tolist() == [1.0, 0.5, 0.0, *none]
    assert table["recall"].tolist() == [0.5, 1.0, 0.0, *none]
    assert table["f1"].tolist() == pytest.approx([2 / 3, 2 / 3, 0.0, *none])


def test_classes_are_called_by_their_names_in_the_order_of_the_labels():
    """Two coats, one of which is taken for a bag, and a shirt; no bag is among the images."""
    rows = np.array([[0.5, 0.25, 0.25], [0.25, 0.25, 0.5], [0.125, 0.75, 0.125]], np.float32)
    table = score_classes(tabulate(rows, np.array([0, 0, 1])), ("Coat", "Shirt", "Bag"))
    assert table["class"].tolist() == ["Coat", "Shirt", "Bag"]
    assert table["precision"].tolist() == [1.0, 1.0, 0.0]
    assert table["recall"].tolist() == [0.5, 1.0, 0.0]
    assert table["f1"].tolist() == pytest.approx([2 / 3, 1.0, 0.0])


def test_a_score_is_made_of_plain_numbers_that_json_can_hold(scored):
    assert {type(value) for value in scored.values()} == {float, int}


def test_a_table_has_a_row_per_image_in_the_files_order():
    table = tabulate(P, Y)
    assert table.columns.tolist() == ["label", "prediction", "confidence"]
    assert table["label"].tolist() == [0, 0, 1, 1, 2]
    assert table["prediction"].tolist() == [0, 1, 1, 1, 1]
    assert table["confidence"].tolist() == [0.5, 0.75, 0.5009765625, 1.0, 0.875]


def test_a_net_is_asked_for_all_images_and_gives_probabilities(tiny_test):
    params = dense.Params(
        hidden_layers=1,
        units=3,
        activation="relu",
        optimizer="adam",
        learning_rate=0.001,
        batch_size=32,
        shards=1,
        jit_compile=False,
        epochs=1,
    )
    model = dense.build(params, image_shape=(28, 28, 1), num_classes=10)
    predicted = predict(model, tiny_test)
    assert predicted.shape == (200, 10)
    assert predicted.dtype == np.float32
    assert predicted.sum(axis=1) == pytest.approx(np.ones(200), abs=1e-6)
    one_by_one = np.concatenate([np.asarray(model(x[None])) for x in tiny_test.x[:3]])
    assert predicted[:3] == pytest.approx(one_by_one, abs=1e-6)


def test_the_metrics_hold_each_net_and_how_each_two_differ():
    """Of four images the first net gets two right, the second all, the third none."""
    label = np.array([0, 1, 2, 3])

    def evaluation(correct, work):
        prediction = np.where(correct, label, 9)
        table = pd.DataFrame({"label": label, "prediction": prediction, "confidence": 1.0})
        layers = pd.DataFrame({"multiply_adds": work})
        return Evaluation(table, None, layers, {"accuracy": np.mean(correct)})

    found = sum_up(
        {
            "a": evaluation([True, True, False, False], [0, 30]),
            "b": evaluation([True] * 4, [5, 7]),
            "c": evaluation([False] * 4, [1]),
        },
        confidence=0.95,
    )
    assert list(found) == ["a", "b", "c", "b_minus_a", "c_minus_a", "c_minus_b"]
    assert found["a"] == {"test": {"accuracy": 0.5}, "multiply_adds": 30}
    assert found["b"] == {"test": {"accuracy": 1.0}, "multiply_adds": 12}
    differences = {name: found[name]["difference"] for name in list(found)[3:]}
    assert differences == {"b_minus_a": 0.5, "c_minus_a": -0.5, "c_minus_b": -1.0}
    assert (found["b_minus_a"]["only_first"], found["b_minus_a"]["only_second"]) == (0, 2)
    assert found["b_minus_a"]["p_value"] == 0.5  # two tosses that fall alike


def softmax_regression(image_shape, num_classes, *hidden):
    """A net without hidden layers, but with those that are given."""
    hidden = [*hidden, keras.layers.Flatten()]
    return classifier("net", hidden, image_shape=image_shape, num_classes=num_classes)


def test_colour_images_of_many_classes_are_predicted():
    x = np.random.default_rng(0).integers(0, 256, (7, 4, 5, 3), dtype=np.uint8)
    model = softmax_regression((4, 5, 3), 47)
    predicted = predict(model, Split(x, np.arange(7)))
    assert predicted.shape == (7, 47)
    assert predicted == pytest.approx(np.asarray(model(x)), abs=1e-6)


@pytest.mark.parametrize(
    ("nets", "expected"),
    [
        ([], []),
        (["a"], []),
        (["a", "b"], ["a b"]),
        (["b", "a", "c"], ["b a", "b c", "a c"]),
        (["a", "b", "c", "d"], ["a b", "a c", "a d"]),
        (["a", "b", "c", "d", "e"], ["a b", "a c", "a d", "a e"]),
    ],
    ids=len,
)
def test_up_to_three_nets_are_compared_each_with_each_and_more_with_the_first(nets, expected):
    assert [" ".join(pair) for pair in pairs(nets)] == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, []),
        (2, ["b_minus_a"]),
        (3, ["b_minus_a", "c_minus_a", "c_minus_b"]),
        (5, ["b_minus_a", "c_minus_a", "d_minus_a", "e_minus_a"]),
    ],
)
def test_the_metrics_of_any_number_of_nets_hold_each_and_the_pairs(number, expected):
    table = pd.DataFrame({"label": [0, 1], "prediction": [0, 0], "confidence": [1.0, 1.0]})
    layers = pd.DataFrame({"multiply_adds": [3]})
    nets = list("abcde")[:number]
    evaluations = {net: Evaluation(table, None, layers, {"accuracy": 0.5}) for net in nets}
    assert list(sum_up(evaluations, confidence=0.95)) == nets + expected


def test_the_metrics_files_have_the_values_that_tell_the_result_under_the_same_keys():
    scores = {"loss": 0.1, "accuracy": 0.9, "accuracy_low": 0.8, "accuracy_high": 0.95, "ece": 0.01}
    pair = dict(zip(("difference", "low", "high", "only_first", "p_value"), range(5), strict=True))
    assert headlines({"a": {"test": scores, "multiply_adds": 7}, "b_minus_a": pair}) == {
        "a": {"accuracy": 0.9, "low": 0.8, "high": 0.95, "loss": 0.1},
        "pairs/b_minus_a": {"accuracy": 0, "low": 1, "high": 2},
    }


def test_layers_of_colour_images_are_described_with_their_work():
    net = softmax_regression((4, 5, 3), 7, keras.layers.Conv2D(2, 3, name="convolution"))
    table = anatomy.describe_layers(net)
    assert table["output"] == ("4×5×3", "2×3×2", "12", "7")
    assert table["parameters"] == (0, 56, 0, 91)  # (3 · 3 · 3 + 1) · 2, (12 + 1) · 7
    assert table["multiply_adds"] == (0, 324, 0, 84)  # 2 · 3 · 54, 12 · 7


@pytest.fixture
def tables():
    """Two nets on 100 images: one is wrong at 3 and 50, the other at 50 and 99."""
    label = np.arange(100) % 10

    def table(*wrong):
        prediction = label.copy()
        prediction[list(wrong)] = (prediction[list(wrong)] + 1) % 10
        return pd.DataFrame({"label": label, "prediction": prediction})

    return [table(3, 50), table(50, 99)]


def test_the_examples_are_the_samples_and_every_error_of_each_net(tables):
    shown, sampled = choose_examples(tables, samples=5, seed=0)
    assert len(sampled) == len(set(sampled.tolist())) == 5
    assert shown.tolist() == sorted({3, 50, 99} | set(sampled.tolist()))
    assert (shown.dtype, sampled.dtype) == (np.int64, np.int64)


def test_the_samples_are_in_random_order(tables):
    _, sampled = choose_examples(tables, samples=20, seed=0)
    assert sampled.tolist() != sorted(sampled.tolist())


def test_the_same_seed_chooses_the_same_examples_and_another_others(tables):
    first, second, other = (
        choose_examples(tables, samples=5, seed=seed)[1].tolist() for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other


def test_the_samples_do_not_depend_on_what_the_nets_get_wrong(tables):
    _, first = choose_examples(tables, samples=5, seed=0)
    _, second = choose_examples(tables[:1], samples=5, seed=0)
    assert first.tolist() == second.tolist()


def test_more_samples_than_images_are_all_images(tables):
    shown, sampled = choose_examples(tables, samples=1000, seed=0)
    assert shown.tolist() == sorted(sampled.tolist()) == list(range(100))
