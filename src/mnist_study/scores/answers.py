"""What nets say of images. An experiment changes one net: of the others it is kept."""

import hashlib
import io
from functools import partial
from pathlib import Path

import numpy as np

from mnist_study.compute import tf
from mnist_study.scores.anatomy import describe_layers
from mnist_study.scores.prediction import load, predict
from studykit.files import md5
from studykit.kept import kept

STUDY = Path(__file__).parents[1]
LIBRARIES = ("h5py", "keras", "numpy", "pandas", "scipy", "tensorflow")


def ask(models, test, disturbed, compute):
    """Ask nets, or take what they have said in an earlier run: then they are not even loaded.

    Args:
        models: net to path of its `.keras` file.
        test, disturbed: Splits of n and m images.
        compute: the section of the parameters, which was given to compute.configure.

    Returns:
        dict: net to dict of arrays: probabilities, float32 (n, classes), of test, as predict
        returns them; disturbed, (m,), the likeliest classes; and what describe_layers returns.
    """
    images = [(split.x.shape, hashlib.md5(split.x).digest()) for split in (test, disturbed)]
    devices = str(tf.config.list_physical_devices())
    settings = compute.deterministic, compute.instruction_set, devices
    answers = {}
    for net, path in models.items():
        asked, of = partial(_ask, path, test, disturbed), (md5(path), images, settings)
        file = kept(asked, of, code=STUDY, libraries=LIBRARIES)
        answers[net] = dict(np.load(io.BytesIO(file)))
    return answers


def _ask(path, test, disturbed):
    model, file = load(path), io.BytesIO()
    likeliest = predict(model, disturbed).argmax(axis=1).astype(disturbed.y.dtype)
    arrays = {"probabilities": predict(model, test), "disturbed": likeliest}
    np.savez(file, **arrays, **describe_layers(model))
    return file.getvalue()
