"""A study whose results vary by seed, with experiments, run by DVC in a repository of its own."""

from tests.kit.small_pipeline import shell, write

FILES = {
    "dvc.yaml": """
stages:
  prepare:
    cmd: python prepare.py
    deps: [prepare.py]
    params: [images]
    outs: [data/train.npz, data/val.npz]
  train:
    cmd: python train.py
    deps: [train.py, data/train.npz, data/val.npz]
    params: [train, seed]
    outs: [models/one.txt]
    metrics: [metrics/train.json: {cache: false}]
  test:
    cmd: python test.py
    deps: [test.py, models/one.txt]
    params: [decimals]
    metrics: [metrics/test.json: {cache: false}]
""",
    "params.yaml": "images: 4\ntrain: {rate: 1, depth: 2}\nseed: 0\ndecimals: 4\nunused: 1\n",
    "studykit.yaml": """
name: seeded
headline: {test.accuracy: test accuracy, train.val.accuracy: val accuracy}
seeds: {weights: [seed]}
outputs: {models: "models/{model}.txt", data: "data/{split}.npz", test_metrics: metrics/test.json}
""",
    "prepare.py": """
import os, numpy, yaml
os.makedirs("data", exist_ok=True)
for name, n in ("train", yaml.safe_load(open("params.yaml"))["images"]), ("val", 2):
    with open(f"data/{name}.npz", "wb") as file:
        numpy.savez(file, x=numpy.zeros((n, 2, 2), "uint8"), y=numpy.zeros(n, "int64"))
""",
    "train.py": """
import json, os, yaml
params = yaml.safe_load(open("params.yaml"))
noise = [0, 0.01, 0.03][params["seed"]]
accuracy = round(0.5 + params["train"]["rate"] / 10 + noise * params["train"]["depth"], 6)
os.makedirs("models", exist_ok=True)
os.makedirs("metrics", exist_ok=True)
open("models/one.txt", "w").write(f"{accuracy}\\n")
json.dump({"val": {"accuracy": accuracy}}, open("metrics/train.json", "w"))
""",
    "test.py": """
import json, yaml
accuracy = round(float(open("models/one.txt").read()), 4) - 0.1
bounds = {"accuracy_low": accuracy - 0.02, "accuracy_high": accuracy + 0.02}
json.dump({"accuracy": accuracy} | bounds, open("metrics/test.json", "w"))
""",
    ".gitignore": "/data\n/models\n/mlflow.db*\n/mlartifacts\n",
}
# Name, overrides and target of each experiment. The last one stops before `test`.
EXPERIMENTS = {
    "sweep-rate=2,seed=0": ("train.rate=2", "seed=0"),
    "sweep-rate=2,seed=1": ("train.rate=2", "seed=1"),
    "sweep-rate=2,seed=2": ("train.rate=2", "seed=2"),
    "sweep-rate=1,seed=1": ("train.rate=1", "seed=1"),
    "half": ("train.rate=3",),
}


def make_seeded_study(root):
    """Write the study to a folder, run it, commit, and run its experiments."""
    for name, content in FILES.items():
        write(root / name, content)
    shell(root, "git init -q -b main && dvc init -q && dvc config core.analytics false")
    shell(root, "dvc repro -q && git add . && git commit -qm all")
    for name, overrides in EXPERIMENTS.items():
        words = " ".join(f"-S {word}" for word in overrides)
        target = "train" if name == "half" else ""
        shell(root, f"dvc exp run -q --name {name} {words} {target}; git checkout -q . ")
    shell(root, "dvc checkout -q")
