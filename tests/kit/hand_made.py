"""Stages' records made by hand, and what a store holds of them: no pipeline runs."""

import hashlib
import io
import json
import zipfile

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import ViewType

from studykit.records.pipeline import Pipeline
from studykit.records.stages import StageRecord
from studykit.records.trees import WorkingTree
from studykit.tracking import provenance

STUDY = """\
name: tiny
registry: toy
accuracy: val.accuracy
command: tiny-study
outputs:
  models: models/{model}.keras
  histories: plots/train_{model}/history.csv
  data: data/{split}.npz
  test_metrics: metrics/test.json
  figures: figures/{model}
"""
HISTORY = b"epoch,val/loss,val/accuracy\n1,0.5,0.8\n2,0.4,0.9\n"


def record(folder, stage, *, params=None, deps=None, outs=None, lacking=(), values=None):
    """Make a stage's record, and write its inputs and outputs to a folder.

    What `dvc.yaml` in the current folder says of the stage's outputs, the record says, too.

    Args:
        folder: Path.
        stage: its name.
        params: values by dotted key.
        deps, outs: content by path; a dict of contents by name for a folder.
        lacking: paths whose content is not to be had; a list that may change later.
        values: what all of `params.yaml` holds.
    """
    contents = (deps or {}) | (outs or {})
    root = folder / hashlib.md5(repr((stage, contents)).encode()).hexdigest()
    for path, content in contents.items():
        inside = content if isinstance(content, dict) else {"": content}
        for name, part in inside.items():
            (root / path / name).parent.mkdir(parents=True, exist_ok=True)
            (root / path / name).write_bytes(part)
    stage_in_yaml = Pipeline.of(WorkingTree()).stages.get(stage)
    return StageRecord(
        stage,
        params or {},
        {path: md5(content) for path, content in (deps or {}).items()},
        {path: md5(content) for path, content in (outs or {}).items()},
        open=lambda path: None if path in lacking else root / path,
        values=values or {},
        declared={out.path: out for out in stage_in_yaml.outs} if stage_in_yaml else {},
    )


def md5(content):
    """As DVC has it: of a file's bytes, or of a folder."""
    if isinstance(content, dict):
        return hashlib.md5(repr(content).encode()).hexdigest() + ".dir"
    return hashlib.md5(content).hexdigest()


def training(folder, model="dense", *, accuracy=0.9, val=b"val", **options):
    """The record of a stage that has trained a model; other results have other weights."""
    outs = {
        f"models/{model}.keras": keras_file(f"{model} {accuracy} {val!r}"),
        f"plots/train_{model}/history.csv": HISTORY,
        f"metrics/train_{model}.json": as_json(val={"accuracy": accuracy}, parameters=12),
    }
    deps = {"data/train.npz": data_set(), "data/val.npz": data_set(val), "train.py": b"code"}
    return record(folder, f"train_{model}", deps=deps, outs=outs, **options)


def as_json(**values):
    return json.dumps(values).encode()


def data_set(seed=b"0", shape=(6, 4, 4)):
    """A `.npz` file of images x and labels y."""
    x = np.random.default_rng(list(seed)).integers(0, 256, shape, dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, x=x, y=np.zeros(len(x), np.int64))
    return file.getvalue()


def keras_file(weights="0", units=3):
    """A `.keras` file with all but true weights."""
    image = {"batch_shape": [None, 4, 4, 1], "dtype": "uint8"}
    layers = [
        {"class_name": "InputLayer", "name": "image", "config": image},
        {"class_name": "Dense", "name": "probability", "config": {"units": units}},
    ]
    config = {"class_name": "Sequential", "config": {"layers": layers}}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in {
            "config.json": json.dumps(config),
            "model.weights.h5": weights,
        }.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def origin(commit="c" * 40):
    """Where a restored run comes from."""
    return provenance.restored(f"main ({commit[:7]})", commit=commit, time=1_700_000_000_000)


class Written:
    """What is in a store, read by MLflow's own client."""

    def __init__(self, uri, experiment="tiny"):
        self.client = MlflowClient(uri)
        self.experiment = self.client.get_experiment_by_name(experiment)

    def runs(self, kind="stage", view=ViewType.ACTIVE_ONLY):
        found = self.client.search_runs([self.experiment.experiment_id], run_view_type=view)
        return [run for run in found if run.data.tags.get("kind") == kind]

    def run(self, stage):
        (run,) = [run for run in self.runs() if run.data.tags["dvc.stage"] == stage]
        return run

    def files(self, run, folder=""):
        for item in self.client.list_artifacts(run.info.run_id, folder):
            if item.is_dir:
                yield from self.files(run, item.path)
            else:
                yield item.path

    def versions(self, name):
        """Versions of a registered model by number."""
        found = self.client.search_model_versions(f"name = '{name}'")
        return {int(version.version): version for version in found}

    def aliases(self, name):
        """Numbers of versions of a registered model by alias."""
        aliases = self.client.get_registered_model(name).aliases
        return {alias: int(version) for alias, version in aliases.items()}
