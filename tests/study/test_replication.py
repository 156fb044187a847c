"""The study with other seeds: the numbers that its claims then rest on."""

import numpy as np
import pandas as pd
import pytest

from imagesets.catalogue import FILE, find
from mnist_study import replication
from mnist_study.commands import replicate
from mnist_study.replication import headlines
from mnist_study.scores.claims import Claim, state
from studykit.errors import UserError
from tests.tiny_study import ROOT

CLAIMS = state(find("mnist", ROOT / FILE))


def test_a_mean_has_the_interval_of_student():
    mean = replication.mean_interval([1.0, 2.0, 3.0], confidence=0.95)
    assert (mean.mean, mean.sd) == (2.0, 1.0)
    assert mean.low == pytest.approx(2 - 4.302653 / np.sqrt(3))  # t of 2 degrees of freedom
    assert mean.high == pytest.approx(2 + 4.302653 / np.sqrt(3))


def test_the_turn_is_sought_in_the_mean_curve():
    """The seeds turn at epochs 1 and 4, their mean at epoch 3."""
    losses = [[0.10, 0.20, 0.25, 0.30], [0.90, 0.50, 0.30, 0.26]]
    assert replication.turning_epoch(losses, confidence=0.95)[0] == 3


def test_epochs_near_the_lowest_are_those_that_seeds_disagree_on():
    """Epoch 3 is above epoch 2 in two seeds and below in one; epochs 1 and 4 always by 0.1."""
    lowest = np.array([0.30, 0.20, 0.25])
    wobble = np.array([0.02, -0.01, 0.01])
    losses = np.stack([lowest + 0.1, lowest, lowest + wobble, lowest + 0.1 + wobble], axis=1)
    epoch, interval = replication.turning_epoch(losses, confidence=0.95)
    assert (epoch, interval) == (2, (2, 3))


@pytest.mark.parametrize(
    ("claimed", "verdict"), [(2, "reproduced"), (3, "reproduced"), (1, "refuted"), (4, "refuted")]
)
def test_overfitting_is_judged_by_the_epochs_near_the_lowest(claimed, verdict):
    losses = np.array([[0.4, 0.30, 0.32, 0.42], [0.3, 0.20, 0.19, 0.31], [0.3, 0.25, 0.26, 0.4]])
    assert replication.judge_overfitting(claimed, losses, confidence=0.95).verdict == verdict


def test_a_loss_that_never_rises_again_leaves_overfitting_undecided():
    losses = np.array([[0.4, 0.3, 0.21], [0.4, 0.3, 0.2], [0.4, 0.3, 0.22]])
    assert replication.judge_overfitting(3, losses, confidence=0.95).verdict == "undecided"


def tables(nets):
    """Trials and histories of some seeds with known accuracies, by net."""
    rows = [
        {"trial": f"seed-{seed}", "net": net, "test/accuracy": accuracy}
        for net, accuracies in nets.items()
        for seed, accuracy in enumerate(accuracies)
    ]
    histories = [
        {"trial": row["trial"], "net": row["net"], "epoch": epoch, "val/loss": abs(epoch - 6) / 10}
        for row in rows
        for epoch in range(1, 11)
    ]
    return pd.DataFrame(rows), pd.DataFrame(histories)


def summarise_nets(nets, claims=CLAIMS):
    return replication.summarise(*tables(nets), claims=claims, confidence=0.95)


def summarise(dense, cnn):
    return summarise_nets({"dense": dense, "cnn": cnn})


def test_the_share_of_seeds_at_or_above_the_claim_is_counted():
    summary = summarise([0.961, 0.96, 0.9599, 0.97], [0.99, 0.991, 0.992, 0.993])
    assert summary["seeds"] == 4
    assert summary["dense"]["reaches_claim"]["share"] == 0.75
    assert summary["cnn"]["reaches_claim"]["share"] == 1
    assert summary["dense"]["test"]["accuracy"]["mean"] == pytest.approx(0.962725)
    assert summary["cnn_minus_dense"]["mean"] == pytest.approx(0.0287750)


def test_seeds_that_scatter_too_much_leave_a_claim_undecided():
    assert (
        summarise([0.99, 0.92], [0.99, 0.99])["claims"]["dense_accuracy"]["verdict"] == "undecided"
    )


def test_a_mean_below_the_claim_refutes_it():
    claims = summarise([0.95, 0.9501, 0.9499], [0.98, 0.9801, 0.9799])["claims"]
    assert claims["dense_accuracy"]["verdict"] == "refuted"
    assert claims["cnn_accuracy"]["verdict"] == "refuted"
    assert claims["dense_overfit_epoch"]["verdict"] == "reproduced"


def test_nets_are_compared_seed_by_seed():
    """The nets move together, so their difference is surer than either."""
    summary = summarise([0.95, 0.96, 0.97], [0.98, 0.99, 1.0])
    assert summary["cnn_minus_dense"]["sd"] == pytest.approx(0, abs=1e-12)


def test_trials_of_one_net_are_summed_up_without_differences():
    summary = summarise_nets({"dense": [0.961, 0.962]})
    assert list(summary) == ["seeds", "dense", "claims"]
    assert list(summary["claims"]) == ["dense_accuracy", "dense_overfit_epoch"]
    assert summary["claims"]["dense_accuracy"]["claimed"] == 0.96


def test_trials_from_before_a_net_was_added_leave_it_out(monkeypatch):
    """So the claims on it are not judged by seeds."""
    nets = {"dense": "dense net", "cnn": "CNN", "softmax": "softmax regression"}
    monkeypatch.setattr(replication, "NETS", nets)
    claims = CLAIMS | {"softmax_accuracy": Claim("accuracy", "softmax", 0.92, "…")}
    summary = summarise_nets({"dense": [0.96, 0.97], "cnn": [0.99, 0.98]}, claims)
    assert list(summary) == ["seeds", "dense", "cnn", "cnn_minus_dense", "claims"]
    assert list(summary["claims"]) == ["dense_accuracy", "cnn_accuracy", "dense_overfit_epoch"]


def test_trials_of_a_net_that_is_gone_are_left_out(monkeypatch):
    monkeypatch.setattr(replication, "NETS", {"cnn": "CNN"})
    summary = summarise_nets({"dense": [0.96, 0.97], "cnn": [0.99, 0.98]})
    assert list(summary) == ["seeds", "cnn", "claims"]
    assert list(summary["claims"]) == ["cnn_accuracy"]


def test_trials_of_none_of_the_nets_are_summed_up_as_nothing(monkeypatch):
    monkeypatch.setattr(replication, "NETS", {"softmax": "softmax regression"})
    summary = summarise_nets({"dense": [0.96, 0.97], "cnn": [0.99, 0.98]})
    assert summary == {"seeds": 2, "claims": {}}
    assert headlines(summary) == {}


def test_the_metrics_files_have_each_nets_mean_accuracy_and_its_interval():
    found = headlines(summarise_nets({"dense": [0.96, 0.97], "cnn": [0.98, 0.98]}))
    assert found["cnn"] == pytest.approx({"accuracy": 0.98, "low": 0.98, "high": 0.98})
    # Student's t of one degree of freedom: 12.706 · 0.005
    assert found["dense"] == pytest.approx(
        {"accuracy": 0.965, "low": 0.90147, "high": 1.02853}, abs=1e-5
    )


def test_many_nets_are_each_compared_with_the_first_of_the_study(monkeypatch):
    """In the order of the study, and not in that of the trials."""
    monkeypatch.setattr(replication, "NETS", dict.fromkeys("bacd", ""))
    accuracies = {"a": [0.5, 0.6], "b": [0.4, 0.4], "c": [0.7, 0.7], "d": [0.1, 0.2]}
    summary = summarise_nets(accuracies, claims={})
    pairs = ["a_minus_b", "c_minus_b", "d_minus_b"]
    assert list(summary) == ["seeds", "b", "a", "c", "d", *pairs, "claims"]
    means = [summary[f"{net}_minus_b"]["mean"] for net in "acd"]
    assert means == pytest.approx([0.15, 0.3, -0.25])


def test_without_claims_the_accuracies_are_summed_up_alone():
    summary = summarise_nets({"dense": [0.96, 0.97], "cnn": [0.99, 0.98]}, claims={})
    assert summary["claims"] == {}
    assert list(summary["dense"]) == ["test"]
    assert summary["cnn"]["test"]["accuracy"]["mean"] == pytest.approx(0.985)
    assert summary["cnn"]["test"]["accuracy"]["min"] == 0.98


def test_a_claim_on_one_net_says_nothing_of_another_net():
    claims = {"cnn_accuracy": CLAIMS["cnn_accuracy"]}
    summary = summarise_nets({"dense": [0.96, 0.97], "cnn": [0.99, 0.98]}, claims)
    assert "reaches_claim" not in summary["dense"]
    assert summary["cnn"]["reaches_claim"]["share"] == 0.5
    assert list(summary["claims"]) == ["cnn_accuracy"]


def test_one_seed_is_no_replication():
    arguments = type("Arguments", (), {"seeds": 1, "vary": "both", "workers": None})
    with pytest.raises(UserError, match="at least 2 seeds"):
        replicate.run(arguments)


def test_the_committed_replication_is_of_both_seeds_and_of_enough(monkeypatch):
    trials = pd.read_csv(ROOT / replication.TRIALS)
    assert (trials["split_seed"] == trials["weights_seed"]).all()
    assert trials.groupby("net")["trial"].nunique().min() >= 5
    histories = pd.read_csv(ROOT / replication.HISTORIES)
    assert set(histories["trial"]) == set(trials["trial"])


@pytest.mark.slow
def test_a_replication_is_collected_from_experiments_and_summed_up(study):
    study.commit("results")
    before = study("mnist-study claims", check=False).stdout
    assert "The seeds are of another study" in before  # they are the project's own
    study("mnist-study replicate --seeds 2 -j 2", timeout=600)
    trials = pd.read_csv(study.root / replication.TRIALS)
    assert trials[["split_seed", "weights_seed"]].to_numpy().tolist() == [
        [0, 0],
        [0, 0],
        [1, 1],
        [1, 1],
    ]
    name = trials["trial"][0]
    assert name in study("dvc exp list --name-only").stdout
    commit = study(f"git for-each-ref --format='%(objectname)' 'refs/exps/*/*/{name}'")
    scores = study(f"git show {commit.stdout.strip()}:metrics/test/{trials['net'][0]}.json")
    assert str(trials["test/accuracy"][0]) in scores.stdout
    again = study("mnist-study replicate --seeds 2 -j 2").stdout
    assert "wrote replication/trials.csv" in again
    assert "wrote replication/measured_on.json" in again
    study("dvc repro report")
    assert '"seeds": 2' in study.read("plots/replicate/summary.json")
    assert "another study" not in study("mnist-study claims", check=False).stdout
    assert "mean of <" in study.read("report/index.html")
