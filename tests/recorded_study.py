"""The study's own recorded results in a repository of their own, to change them in known ways."""

import hashlib
import json
import os
import shutil

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from studykit.dotted import look_up
from studykit.records.parameters import Parameters
from studykit.records.pipeline import Pipeline
from studykit.records.trees import WorkingTree
from tests.tiny_study import ROOT, TinyStudy

FILES = (
    "dvc.lock",
    "datasets.yaml",
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
        self.set_metrics(f"test/{net}", errors=errors, accuracy=1 - errors / len(table))

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
        """Change what a metrics file holds."""
        path = self.root / f"metrics/{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values, indent=2) + "\n")

    def set_claim(self, name, **values):
        """Change what was found of a claim."""
        claims = json.loads(self.read("plots/evaluate/claims.json"))
        claims[name] |= values
        self.write("plots/evaluate/claims.json", json.dumps(claims, indent=2) + "\n")

    def lock(self, *, without=()):
        """Write into `dvc.lock` what is in the folder, as if every stage had just run.

        Args:
            without: stages that did not run.
        """
        lock = YAML(typ="safe", pure=True).load(self.root / "dvc.lock")
        tree = WorkingTree(self.root)
        parameters = Parameters(tree)
        for name, stage in Pipeline.of(tree).stages.items():
            if name in without:
                continue
            locked = lock["stages"][name]
            for kind, paths in (("deps", stage.deps), ("outs", [out.path for out in stage.outs])):
                known = {entry["path"]: entry for entry in locked[kind]}
                locked[kind] = [known.get(path, {"path": path}) for path in paths]
                for entry in locked[kind]:
                    entry["md5"] = tree.md5(entry["path"]) or entry["md5"]
            locked["params"] = {
                file: {key: look_up(parameters.file(file), key) for key in keys}
                for file, keys in stage.params.items()
            }
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
