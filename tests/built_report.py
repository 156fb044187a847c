"""The report of the committed results, built anew: what it reads is in Git."""

import shutil
from contextlib import nullcontext

import pytest

from mnist_study.compute import keras
from mnist_study.scores.outputs import LARGEST
from mnist_study.study import MODULES
from mnist_study.training import keras_file
from netserve.stored import read_network
from stages import report
from studykit.files import md5, read_json, write_json
from studykit.params import read
from tests.tiny_study import ROOT

MODELS = {net: f"models/{net}.keras" for net in MODULES}
INPUTS = ("datasets.yaml", "params.yaml", "metrics", "plots", "replication")


def build_report(folder):
    """Run the stage `report` in a folder, on copies of the committed results, untracked.

    Args:
        folder: made where it is missing.

    Returns:
        folder.
    """
    for name in INPUTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    shutil.rmtree(folder / "plots" / "report", ignore_errors=True)
    bring_models(folder / "models")
    (folder / "src").symlink_to(ROOT / "src")  # whose MD5 it compares
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(report, "run", lambda _: nullcontext())
        report.main()
    return folder


def are_here():
    """Whether the nets of the committed results lie in `models/`."""
    inputs = read_json(ROOT / "plots/evaluate/inputs.json")
    paths = MODELS.values()
    return all((ROOT / path).exists() and md5(ROOT / path) == inputs[path] for path in paths)


def bring_models(folder):
    """Copy the nets of the committed results, or, where they are not here, make untrained ones."""
    folder.mkdir()
    if are_here():
        for path in MODELS.values():
            shutil.copy(ROOT / path, folder)
        return
    data, params = read_json(ROOT / "plots/preprocess/data.json"), read(ROOT / "params.yaml")
    shape = tuple(data[side] for side in ("height", "width", "channels"))
    for net, module in MODULES.items():
        checked = module.Params(**params[f"train_{net}"])
        keras.utils.set_random_seed(0)
        model = module.build(checked, image_shape=shape, num_classes=len(data["classes"]))
        keras_file.save(folder / f"{net}.keras", model)
        network = read_network(folder / f"{net}.keras", most=LARGEST)
        write_json(folder.parent / f"plots/evaluate/{net}_network.json", network)
