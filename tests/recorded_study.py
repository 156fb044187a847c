"""The study's own recorded results in a repository of their own, to change them in known ways."""

import hashlib
import json
import os
import shutil

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from tests.tiny_study import ROOT, TinyStudy

FILES = (
    "dvc.lock",
    "dvc.yaml",
    "models/origins.json",
    "params.yaml",
    "pyproject.toml",
    "studykit.yaml",
)
FOLDERS = ("metrics", "plots", "src", "stages", "replication")


class RecordedStudy(TinyStudy):
    """Results of real MNIST, in Git, and up to date by their lock; nothing here was trained."""

    def __init__(self, root):
        self.root = root
        for name in FILES:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        for name in FOLDERS:
            shutil.copytree(
                ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        self.lock()
        self("git init -q -b main")
        self.commit("recorded")

    def flip(self, net, *, broken=0, mended=0, elsewhere=False):
        """Turn right predictions wrong, and wrong ones right, as if the net was trained anew.

        Args:
            net: its name.
            broken, mended: how many; images that Git holds come first.
            elsewhere: whether another processor is all that explains it; else its code changed.
        """
        self.set_md5(f"models/{net}.keras", hashlib.md5(os.urandom(8)).hexdigest(), elsewhere)
        if not elsewhere:
            with open(self.root / f"stages/train_{net}.py", "a", encoding="utf-8") as script:
                script.write("# changed\n")
        path = self.root / f"plots/evaluate/{net}_predictions.csv"
        table = pd.read_csv(path)
        right = (table["label"] == table["prediction"]).to_numpy()
        with np.load(self.root / "plots/evaluate/examples.npz") as examples:
            held = examples["index"]
        order = np.concatenate([held, np.setdiff1d(np.arange(len(table)), held)])
        lost, won = order[right[order]][:broken], order[~right[order]][:mended]
        table.loc[lost, "prediction"] = (table.loc[lost, "label"] + 1) % 10
        table.loc[won, "prediction"] = table.loc[won, "label"]
        table.to_csv(path, index=False, lineterminator="\n")
        errors = int((table["label"] != table["prediction"]).sum())
        self.set_metrics(
            "evaluate", **{net: {"errors": errors, "accuracy": 1 - errors / len(table)}}
        )

    def set_md5(self, model, md5, elsewhere):
        """Give a model other bytes in `dvc.lock`, where it came from this or another processor."""
        path = self.root / "dvc.lock"
        lock = YAML(typ="safe", pure=True).load(path)
        for locked in lock["stages"].values():
            for file in (*locked["deps"], *locked["outs"]):
                if file["path"] == model:
                    file["md5"] = md5
        YAML().dump(lock, path)
        path = self.root / "models/origins.json"
        origins = json.loads(path.read_text())
        origins[model]["md5"] = md5
        if elsewhere:
            origins[model] |= {"processor": "Another 3000", "instruction_set": "AVX512_CORE"}
        path.write_text(json.dumps(origins, indent=2) + "\n")

    def set_metrics(self, name, **values):
        """Change the first level of a metrics file, or, of a net's, its test metrics."""
        path = self.root / f"metrics/{name}.json"
        metrics = json.loads(path.read_text())
        for key, value in values.items():
            if name == "evaluate" and isinstance(value, dict):
                metrics[key]["test"] |= value
            else:
                metrics[key] = value
        path.write_text(json.dumps(metrics, indent=2) + "\n")

    def lock(self, *, without=()):
        """Write into `dvc.lock` what is in the folder, as if every stage had just run.

        Args:
            without: stages that did not run.
        """
        yaml = YAML(typ="safe", pure=True)
        lock = yaml.load(self.root / "dvc.lock")
        declared = yaml.load(self.root / "dvc.yaml")["stages"]
        params = yaml.load(self.root / "params.yaml")
        for stage, locked in lock["stages"].items():
            if stage in without:
                continue
            known = {dep["path"]: dep for dep in locked["deps"]}
            locked["deps"] = [known.get(path, {"path": path}) for path in declared[stage]["deps"]]
            locked["params"] = {
                "params.yaml": {key: look_up(params, key) for key in declared[stage]["params"]}
            }
            for file in (*locked["deps"], *locked["outs"]):
                if (path := self.root / file["path"]).is_file():
                    file["md5"] = hashlib.md5(path.read_bytes()).hexdigest()
        YAML().dump(lock, self.root / "dvc.lock")

    def branch(self, name, message="a change"):
        """Record the folder as a branch of its own, and stay on it."""
        self.lock()
        self(f"git switch -qc {name}")
        self.commit(message)

    def experiment(self, name, *, without=()):
        """Record the folder as DVC records an experiment, and leave the branch as it was."""
        self.lock(without=without)
        baseline = self("git rev-parse HEAD").stdout.strip()
        self("git switch -q --detach")
        self.commit(name)
        self(f"git update-ref refs/exps/{baseline[:2]}/{baseline[2:]}/{name} HEAD")
        self("git switch -q main")


def look_up(params, key):
    for part in key.split("."):
        params = params[part]
    return params
