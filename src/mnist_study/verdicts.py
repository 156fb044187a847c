"""Which verdicts count: those over many seeds, where they are of the study in front of the reader.

The trials of `mnist-study replicate` take half an hour, so they are older than most changes. With
them is kept what they were measured on: parameters, data (by their SHA-256) and code. Where one of
these differs from the study as it is, its own run alone decides.
"""

from pathlib import Path

from imagesets.catalogue import FILE, find
from mnist_study import replication
from mnist_study.replication import COLUMNS, MEASURED_ON
from mnist_study.scores import claims
from mnist_study.study import NETS
from studykit.errors import UserError
from studykit.files import md5, read_csv, read_json
from studykit.params import read

JUDGED = ("plots/evaluate/claims.json", "plots/replicate/summary.json")
VERDICTS = dict[str, claims.Verdict]
# All that a trial's accuracies and histories depend on, besides the seeds; None means all keys.
PARAMETERS = {
    "data": None,
    "preprocess": ("val_fraction",),
    **{f"train_{net}": None for net in NETS},
    "compute": ("deterministic", "instruction_set"),
}
# Of the data set's entry: what changes no image, and its name, which data.name holds.
DESCRIBED = ("name", "sources", "title", "noun", "licence", "cite", "claims", "prepare")
CODE = (
    "src/imagesets",
    "src/mnist_study/compute.py",
    "src/mnist_study/data",
    "src/mnist_study/nets",
    "src/mnist_study/scores/prediction.py",
    "src/mnist_study/training",
)
SEEDS = {"split_seed": ("preprocess", "seed"), "weights_seed": ("compute", "seed")}


def measured_on(params, root="."):
    """What trials are measured on that run now.

    Args:
        params: dict of all sections of the parameters.
        root: of the repository.

    Returns:
        dict: params, value by dotted key; code, MD5 by path from the root.
    """
    values = {
        f"{section}.{key}": params[section][key]
        for section, keys in PARAMETERS.items()
        for key in keys or params[section]
    }
    entry = find(params["data"]["name"], Path(root, FILE)).model_dump(exclude={*DESCRIBED})
    values |= {f"{FILE}:{key}": value for key, value in entry.items()}
    paths = [Path(root, path) for path in CODE]
    files = [file for path in paths for file in (sorted(path.rglob("*.py")) or [path])]
    code = {file.relative_to(root).as_posix(): md5(file) for file in files}
    # What only refuses parameters computes nothing.
    return {"params": values, "code": {k: v for k, v in code.items() if Path(k).stem != "params"}}


def differences(params, trials, trial_histories, histories):
    """How the study as it is differs from what the trials were measured on.

    Code that differs is no difference where it computes the same: where this run's histories are,
    to the last bit, those of the trial with the same seeds. Nets that only one has are left out.

    Args:
        params: dict of all sections of the parameters.
        trials, trial_histories: pandas.DataFrame, as replication.summarise takes them.
        histories: net to the pandas.DataFrame of this run.

    Returns:
        list of str: in words; empty where the trials are of this study.
    """
    there, here = read_json(MEASURED_ON, {"params": dict, "code": dict}), measured_on(params)
    common = {net: history for net, history in histories.items() if net in set(trials["net"])}
    others = {*trials["net"], *NETS} - common.keys()
    without = tuple(
        start for net in others for start in (f"train_{net}.", f"src/mnist_study/nets/{net}.py")
    )
    found = [
        _tell(key, here["params"].get(key), there["params"].get(key))
        for key in dict.fromkeys((*here["params"], *there["params"]))
        if here["params"].get(key) != there["params"].get(key) and not key.startswith(without)
    ]
    if not found and not _is_a_trial(params, trials, trial_histories, common):
        found = [
            f"{path} is another"
            for path in dict.fromkeys((*here["code"], *there["code"]))
            if here["code"].get(path) != there["code"].get(path) and not path.startswith(without)
        ]
    return found


def _is_a_trial(params, trials, trial_histories, histories):
    """Whether this run is, bit by bit, the trial with the same seeds."""
    same = trials
    for column, (section, key) in SEEDS.items():
        same = same[same[column] == params[section][key]]
    for net, history in histories.items():
        of_the_seeds = trial_histories["trial"].isin(same["trial"])
        rows = trial_histories[of_the_seeds & (trial_histories["net"] == net)]
        if not rows[history.columns].reset_index(drop=True).equals(history):
            return False
    return True


def _tell(key, here, there):
    """A difference in words: of values that are too long to read, only that there is one."""
    here, there = ("none" if value is None else str(value) for value in (here, there))
    both = f"{key} is {here}, there {there}"
    return both if len(both) <= 120 else f"{key} is another"


def decide(stated, once, repeated, differences):
    """The verdict that counts of each claim: many seeds outweigh one run of the same study.

    Args:
        stated: what scores.claims.state returned.
        once: content of plots/evaluate/claims.json.
        repeated: content of plots/replicate/summary.json.
        differences: what the function of that name returned.

    Returns:
        dict: claim to dict of Verdict's fields with, besides, statement (in words), rule (how it
        is judged), source (the metrics file and the keys to the verdict), seeds (how many, or None
        for one run), exact (whether it is counted, which leaves no doubt) and form (of its
        numbers, for str.format).

    Raises:
        UserError: the verdicts are on other claims.
    """
    for path, verdicts in zip(JUDGED, (once, repeated["claims"]), strict=True):
        judged = {name: verdict["claimed"] for name, verdict in verdicts.items()}
        named = stated if verdicts is once else judged
        if judged != {name: stated[name].claimed for name in named if name in stated}:
            raise UserError(f"{path}: expected verdicts on the claims in {FILE}; run dvc repro")
    decided = {}
    for name, verdict in once.items():
        quantity = stated[name].quantity
        over_seeds = not differences and name in repeated["claims"]
        decided[name] = (repeated["claims"][name] if over_seeds else verdict) | {
            "statement": stated[name].statement,
            "rule": (replication.RULES if over_seeds else claims.RULES)[quantity],
            "source": f"replicate/claims/{name}" if over_seeds else f"claims/{name}",
            "seeds": repeated["seeds"] if over_seeds else None,
            "exact": quantity == "images",
            "form": "{:.2%}" if quantity == "accuracy" else "{:,}",
        }
    return decided


def read_decided():
    """What decide gives of the results in the current folder, and what differences does."""
    once, repeated = map(read_json, JUDGED, (VERDICTS, {"seeds": int, "claims": VERDICTS}))
    trials, trial_histories = replication.read_tables()
    params = read()
    found = differences(params, trials, trial_histories, read_histories())
    return decide(claims.state(find(params["data"]["name"])), once, repeated, found), found


def read_histories():
    """Net to the pandas.DataFrame of its history."""
    return {net: read_csv(f"plots/train_{net}/history.csv", COLUMNS[1][2:]) for net in NETS}
