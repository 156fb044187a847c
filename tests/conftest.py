"""Fixtures that several test files share."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from imagesets.formats import idx
from imagesets.splits import Split
from tests import elsewhere
from tests.tiny_mnist import write_tiny_mnist
from tests.tiny_study import ROOT, TinyStudy


@pytest.fixture(scope="session")
def repository():
    """The repository's root."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def tiny_mnist(tmp_path_factory):
    """The four IDX files of a synthetic MNIST, 600 images for training and 200 for testing.

    Has folder, sha256 by file name, and the paths train_images, train_labels, test_images and
    test_labels.
    """
    folder = tmp_path_factory.mktemp("tiny_mnist")
    sha256 = write_tiny_mnist(folder)
    return SimpleNamespace(
        folder=folder,
        sha256=sha256,
        train_images=folder / "train-images-idx3-ubyte",
        train_labels=folder / "train-labels-idx1-ubyte",
        test_images=folder / "t10k-images-idx3-ubyte",
        test_labels=folder / "t10k-labels-idx1-ubyte",
    )


def read_split(folder, part):
    names = [f"{part}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]
    parts = idx.read(folder, SimpleNamespace(train=names, test=[]), False)
    return Split(parts.x, parts.labels.astype("uint8"), tuple("0123456789"))


@pytest.fixture(scope="session")
def tiny_train(tiny_mnist):
    """Its training images as a Split."""
    return read_split(tiny_mnist.folder, "train")


@pytest.fixture(scope="session")
def tiny_test(tiny_mnist):
    """Its test images as a Split."""
    return read_split(tiny_mnist.folder, "t10k")


@pytest.fixture(scope="session")
def tiny_repro(tmp_path_factory):
    """A tiny study after `dvc repro`, each stage of which was watched.

    Has study, output (of `dvc repro`), and observed (folder of what was seen). Its stages are not
    forked, so that they are watched from the beginning. Beside it, and so under its load, the same
    study runs elsewhere, and on while the first tests run: twin, and elsewhere, the process to wait
    for.
    """
    folder = tmp_path_factory.mktemp("repro")
    observed = folder / "observed"
    observed.mkdir()
    study = TinyStudy(folder / "study")
    twin = TinyStudy(folder / "an other place" / "twin")
    variables = elsewhere.environment(folder / "home")
    with twin.start("umask 077; taskset -c 0 dvc repro 2>&1", **variables) as process:
        output = study(
            "dvc repro 2>&1",
            PYTHONPATH=str(ROOT / "tests" / "observe"),
            OBSERVED=str(observed),
            STUDYKIT_NO_FORK="1",
        ).stdout
        yield SimpleNamespace(
            study=study, output=output, observed=observed, twin=twin, elsewhere=process
        )


@pytest.fixture
def study(tiny_repro, tmp_path):
    """A copy of the tiny study after `dvc repro`, to change; its store is still to be made."""
    return tiny_repro.study.copy(tmp_path / "study")
