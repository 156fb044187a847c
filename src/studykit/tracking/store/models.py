"""Models as MLflow keeps them: the very bytes that DVC has, and what MLflow needs to load them."""

import json
import platform
import re
import shutil
import tempfile
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
from mlflow.entities import LoggedModelOutput
from mlflow.models import Model, ModelSignature
from mlflow.models.utils import _save_example
from mlflow.types import Schema, TensorSpec
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from studykit.params import import_named
from studykit.tracking.store.datasets import CONTEXTS, data_sets
from studykit.tracking.store.experiment import found
from studykit.tracking.store.shapes import first_row, keras_shapes, npz_arrays
from studykit.versions import version_of

KERAS = ".keras"
# Read at once: a tracker may have been imported from the folder of an experiment that is gone now.
WHOLE_NUMBERS = Path(__file__).with_name("whole_numbers.py").read_bytes()
FACTS = "serving.json"  # in a model's folder: what a study's own module for serving needs to know
# By this signature MLflow lets all through: a study's own module checks what comes.
ANYTHING = ModelSignature(inputs=Schema([TensorSpec(np.dtype("object"), (-1,))]))
REQUIREMENTS = ("keras", "tensorflow", "numpy", "mlflow")


def model_of(experiment, run, path):
    """The id of the model that a run has logged of an output; None where there is none."""
    outputs = experiment.client.get_run(run).outputs
    for output in outputs.model_outputs if outputs else ():
        model = found(experiment.client.get_logged_model, output.model_id)
        if model is not None and model.tags.get("dvc.path") == path and model.status == "READY":
            return model.model_id
    return None


def log_model(experiment, run, record, file):
    """Log a model as output of a run.

    Args:
        experiment: Experiment.
        run: id.
        record: StageRecord of the training.
        file: File of the model.

    Returns:
        The model's id.
    """
    client, content = experiment.client, file.content
    name = experiment.study.outputs.match("models", file.path)
    model = client.create_logged_model(
        experiment.id,
        name=re.sub(r"[/:.%\"']", "_", name),
        source_run_id=_row(experiment, run),
        tags={"dvc.path": file.path, "dvc.md5": file.md5},
        model_type=content.suffix.removeprefix("."),
    )
    with tempfile.TemporaryDirectory() as folder:
        layout = Model(model_id=model.model_id, run_id=run)
        if content.suffix == KERAS:
            _lay_out_keras(layout, Path(folder), content, experiment.study, record)
        elif content.is_dir():
            shutil.copytree(content, Path(folder, content.name))
        else:
            shutil.copy(content, folder)
        layout.save(str(Path(folder, "MLmodel")))
        client.log_model_artifacts(model.model_id, folder)
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run, [LoggedModelOutput(model.model_id, step=0)])
    return model.model_id


def _row(experiment, run):
    """The run in whose row of MLflow's table a model is shown: that of the pipeline's execution."""
    return experiment.client.get_run(run).data.tags.get(MLFLOW_PARENT_RUN_ID, run)


def _example(study, record):
    """A row of the validation data, for users of the model to look at; None without such data."""
    for path, split in data_sets(study, record).items():
        file = record.open(path) if CONTEXTS.get(split) == "validation" else None
        if file is not None and npz_arrays(file):
            return first_row(file)
    return None


def _lay_out_keras(layout, folder, file, study, record):
    """Lay out a model as `mlflow.keras` does, without importing TensorFlow.

    Source: https://mlflow.org/docs/latest/ml/model/#storage-format
    """
    serving = import_named(study.serving, "serving") if study.serving else None
    example = _example(study, record)
    (folder / "data").mkdir()
    shutil.copy(file, folder / "data" / "model.keras")
    (folder / "data" / "keras_module.txt").write_text("keras")
    shapes = keras_shapes(file)
    if shapes is not None:
        layout.signature = _signature(shapes) if serving is None else ANYTHING
        if example is not None and example.size == np.prod(shapes.inputs):
            served = example.reshape(1, *shapes.inputs).astype(_served_as(shapes))
            _save_example(layout, served, str(folder))
    packages = (*REQUIREMENTS, *getattr(serving, "REQUIREMENTS", ()))
    versions = {package: number for package in packages if (number := _version(package))}
    requirements = [f"{package}=={number}" for package, number in versions.items()]
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n")
    environment = {"python": platform.python_version(), "dependencies": ["-r requirements.txt"]}
    (folder / "python_env.yaml").write_text(json.dumps(environment))  # JSON is YAML
    layout.add_flavor(
        "keras",
        data="data",
        keras_version=versions.get("keras"),
        keras_backend="tensorflow",
        save_exported_model=False,
    )
    loader = "mlflow.keras"
    if serving is not None:
        facts = json.dumps(serving.facts(record.values), indent=2, ensure_ascii=False)
        (folder / FACTS).write_text(facts, encoding="utf-8")
        loader = study.serving
        package = Path(str(import_module(loader.partition(".")[0]).__file__)).parent
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, folder / "code" / package.name, ignore=without)
    elif shapes is not None and _served_as(shapes) != shapes.dtype:
        loader = "whole_numbers"
        (folder / "code").mkdir()
        (folder / "code" / "whole_numbers.py").write_bytes(WHOLE_NUMBERS)
    layout.add_flavor(
        "python_function",
        loader_module=loader,
        python_version=environment["python"],
        env={"virtualenv": "python_env.yaml"},
        **({"code": "code"} if (folder / "code").exists() else {}),
    )


def _served_as(shapes):
    """The type that a client's numbers are read as: those of an integer model are checked first."""
    return "float64" if np.issubdtype(shapes.dtype, np.integer) else shapes.dtype


def _signature(shapes):
    inputs = Schema([TensorSpec(np.dtype(_served_as(shapes)), (-1, *shapes.inputs))])
    outputs = shapes.units and Schema([TensorSpec(np.dtype("float32"), (-1, shapes.units))])
    return ModelSignature(inputs=inputs, outputs=outputs)


def _version(package):
    try:
        return version_of(package)
    except PackageNotFoundError:
        return None
