"""The data sets that a stage reads, as inputs of its run."""

import json
from pathlib import Path

import numpy as np
from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.types import Schema, TensorSpec

from studykit.tracking.store.experiment import StoreError
from studykit.tracking.store.shapes import npz_arrays

# What MLflow calls the splits.
CONTEXTS = {"train": "training", "val": "validation", "validation": "validation", "test": "testing"}
NAMES = {"x": "features", "y": "targets"}


def data_sets(study, record):
    """The data sets among a stage's inputs: path to the name of the split."""
    found = {path: study.outputs.match("data", path) for path in record.deps}
    return {path: Path(split).stem for path, split in found.items() if split is not None}


def log_data_sets(experiment, run, record, *, without=()):
    """Log which data sets a stage reads, known by the MD5 that DVC has of them.

    Args:
        experiment: Experiment.
        run: id.
        record: StageRecord.
        without: digests of those that the run has already.
    """
    inputs = []
    for path, split in data_sets(experiment.study, record).items():
        md5 = record.deps[path]
        if md5[:36] in without:
            continue
        dataset = Dataset(
            name=f"{experiment.prefix(record)}-{split}",
            digest=md5[:36],  # as many characters as MLflow takes: all, but of a folder's `….dir`
            source_type="dvc",
            source=json.dumps({"path": path, "md5": md5}),
            schema=_schema(record.open(path)),
        )
        context = InputTag("mlflow.data.context", CONTEXTS.get(split, split))
        inputs.append(DatasetInput(dataset, [context]))
    if not inputs:
        return
    try:
        experiment.client.log_inputs(run, inputs)
    except StoreError:  # another process has just made the same data sets: they are there
        experiment.client.log_inputs(run, inputs)


def _schema(file):
    """MLflow's description of the arrays in a file; None where it has none that it could tell."""
    if file is None or not file.is_file():
        return None
    specs = {
        NAMES[name]: Schema([TensorSpec(np.dtype(array.dtype), (-1, *array.shape[1:]))]).to_dict()
        for name, array in npz_arrays(file).items()
    }
    return json.dumps({"mlflow_tensorspec": specs}) if specs else None
