"""Find trained nets by what a user calls them: a file, a revision of DVC, or a model of MLflow."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imagesets.catalogue import find
from netserve.nets import Net, NetError
from netserve.preparation import Recipe
from netserve.quiet import import_keras
from studykit.dotted import look_up
from studykit.errors import UserError
from studykit.records.revisions import WORKSPACE, resolve
from studykit.records.stages import records
from studykit.study import load_study


@dataclass(frozen=True)
class Known:
    """A net, and what is known of its data.

    Attributes:
        name: what answers call it.
        net: Net.
        classes: names, in the order of its answers.
        recipe: Recipe of its data's pictures.
        noun: what one image shows.
        predictions: Path of a table of its answers on test images, or None.
    """

    name: str
    net: Net
    classes: list[str]
    recipe: Recipe
    noun: str
    predictions: Path | None = None


def find_nets(where, scratch, *, only=None, data=None):
    """Find and load nets.

    Args:
        where: a `.keras` file; `models:/NAME@ALIAS` or another address of MLflow's; or what Git or
            DVC call a revision: then all nets that `studykit.yaml` names there.
        scratch: folder for copies of what only DVC's cache or MLflow has.
        only: name of the one net that is asked for.
        data: name of the nets' data set in `datasets.yaml`; by default, the one of the parameters.

    Returns:
        list of Known, at least one.

    Raises:
        UserError: there is no such net, or it does not fit its data.
    """
    if ":/" in where:
        found = {where.partition(":/")[2].strip("/"): (_from_mlflow(where, scratch), None)}
        values = resolve(WORKSPACE).params()
    elif where.endswith(".keras"):
        found, values = {Path(where).stem: (Path(where), None)}, resolve(WORKSPACE).params()
    else:
        revision = resolve(where)
        found, values = dict(_of_revision(revision, scratch)), revision.params()
        if not found:
            models = load_study().outputs.models
            raise UserError(
                f"{where}: expected trained nets ({models}), found none in its dvc.lock; "
                f"train them: dvc repro"
            )
    if only is not None and only not in found:
        raise UserError(f"--net: expected one of {', '.join(found)}, received {only}")
    entry = _entry(data or look_up(values, "data.name", None))
    import_keras()  # which takes seconds: a mistake in a file is told before
    try:
        return [
            _know(name, path, entry, predictions)
            for name, (path, predictions) in found.items()
            if only in (None, name)
        ]
    except NetError as error:
        raise UserError(str(error)) from None


def find_test_images(where, scratch):
    """The test images of what find_nets finds: those of the revision, or else the workspace's.

    Returns:
        (n, height, width, channels), as the file holds them.

    Raises:
        UserError: they are not there.
    """
    path = load_study().outputs.path("data", "test")
    is_revision = ":/" not in where and not where.endswith(".keras")
    revision = resolve(where if is_revision else WORKSPACE)
    content = _places(revision, scratch)[path].open(path) if path else None
    if content is None:
        raise UserError(f"{path}: expected test images to check with, found none; run dvc checkout")
    with np.load(content) as arrays:
        return arrays["x"]


def _places(revision, scratch):
    """Each output of a revision by path: the record of its stage."""
    return {path: record for record in records(revision, scratch) for path in record.outs}


def locate_model(arguments):
    """What the option --model names: a file by its path from where the user is."""
    name = arguments.model
    is_file = name.endswith(".keras") and ":/" not in name
    return os.path.join(arguments.started_in, name) if is_file else name


def _entry(name):
    if name is None:
        raise UserError("--data: expected the name of the nets' data set in datasets.yaml")
    return find(name)


def _know(name, path, entry, predictions):
    net = Net(path)
    if net.units != len(entry.classes):
        raise UserError(
            f"{name}: expected a net of the {len(entry.classes)} classes of {entry.name}, received "
            f"one of {net.units}; name its data set: --data NAME"
        )
    prepare = entry.prepare.model_dump() if entry.prepare else {}
    recipe = Recipe(net.shape[:2], net.shape[2], **prepare)
    return Known(name, net, entry.classes, recipe, entry.noun, predictions)


def _of_revision(revision, scratch):
    """Name of each net of a revision, with the paths of its model and of its predictions."""
    outputs = load_study().outputs
    if outputs.models is None:
        raise UserError("studykit.yaml: outputs.models: expected the path of models, found none")
    places = _places(revision, scratch)
    for path, record in places.items():
        name = outputs.match("models", path)
        if name is None:
            continue
        # A net of the workspace may be newer than what DVC has recorded.
        is_here = revision.commit is None and Path(path).is_file()
        content = Path(path) if is_here else record.open(path)
        if content is None:
            raise UserError(
                f"{path} of {revision.label}: expected in DVC's cache, found nothing; bring it: "
                f"dvc fetch {'' if revision.commit is None else '--all-commits '}{path}"
            )
        yield name, (content, _predictions(revision, places, outputs.path("predictions", name)))


def _predictions(revision, places, path):
    """The table of a net's answers on test images: a file of Git, of the cache, or of a folder."""
    folder = str(Path(path).parent) if path else None
    if path in places:
        return places[path].open(path)
    if folder in places and (content := places[folder].open(folder)):
        table = content / Path(path).name
        return table if table.is_file() else None
    return None


def _from_mlflow(address, scratch):
    """The `.keras` file of a model in the store that the study logs to."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from studykit.tracking.store.experiment import StoreError, mlflow
    from studykit.tracking.store.location import locate

    location = locate(Path.cwd())
    if location.database and not location.database.exists():
        raise UserError(f"{address}: expected a model in MLflow, found no store: mlflow.db")
    mlflow.set_tracking_uri(location.uri)
    try:
        folder = mlflow.artifacts.download_artifacts(artifact_uri=address, dst_path=scratch)
    except (StoreError, OSError) as error:
        said = " ".join(str(error).split())
        raise UserError(f"{address}: expected a model in MLflow, received: {said}") from None
    return Path(folder, "data/model.keras")
