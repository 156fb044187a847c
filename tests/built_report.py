"""The report of the committed results, built anew: what the stage reads is all in Git."""

import json
import shutil
from contextlib import nullcontext

import numpy as np
import pytest

from stages import report
from studykit.files import read_json
from tests.tiny_study import ROOT

INPUTS = ("params.yaml", "metrics", "plots", "replication")
MNIST = {
    "name": "mnist",
    "title": "MNIST",
    "noun": "digit",
    "licence": "CC BY-SA 3.0",
    "cite": "Y. LeCun et al.: Gradient-based learning. Proceedings of the IEEE 86(11), 1998",
    "classes": [str(digit) for digit in range(10)],
    "height": 28,
    "width": 28,
    "channels": 1,
}


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
    bring_up_to_date(folder)
    (folder / "src").symlink_to(ROOT / "src")  # whose MD5 it compares
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(report, "run", lambda _: nullcontext())
        report.main()
    return folder


def bring_up_to_date(folder):
    """Results of before, in their shapes of now; to go when those are committed."""
    preprocess, evaluate = folder / "plots/preprocess", folder / "plots/evaluate"
    if not (preprocess / "digits.npz").exists():
        return
    (preprocess / "data.json").write_text(json.dumps(MNIST), encoding="utf-8")
    with np.load(preprocess / "digits.npz") as arrays:
        np.savez(preprocess / "images.npz", images=arrays["digits"][..., np.newaxis])
    with np.load(evaluate / "examples.npz") as arrays:
        examples = dict(arrays) | {"x": arrays["x"][..., np.newaxis]}
    np.savez(evaluate / "examples.npz", **examples)
    with np.load(evaluate / "convolution.npz") as arrays:
        convolution = dict(arrays) | {"net": "cnn"}
    np.savez(evaluate / "convolution.npz", **convolution)
    metrics = folder / "metrics/preprocess.json"
    metrics.write_text(json.dumps(described_now(read_json(metrics))), encoding="utf-8")


def described_now(splits):
    """metrics/preprocess.json, of before or of now, in its shape of now; likewise to go."""
    for split in splits.values():
        if "images_per_digit" in split:
            split["images_per_class"] = split.pop("images_per_digit")
    return splits
