"""A model of a study without a module for serving, served by MLflow: it refuses scaled inputs."""

import numpy as np
import pytest
from mlflow.exceptions import MlflowException

from studykit.tracking.store.whole_numbers import check_whole_numbers
from tests.model_server import serve_champion


@pytest.mark.parametrize(
    ("values", "received"),
    [
        ([0.0, 0.5, 1.0], "received 0.5"),
        ([0.0, 1.0], "received none above 1"),
        ([0.0, 256.0], "received 256"),
        ([-1.0, 3.0], "received -1"),
        ([np.nan, 3.0], "received nan"),
    ],
)
def test_what_are_no_raw_values_is_refused(values, received):
    with pytest.raises(MlflowException, match="expected whole numbers from 0 to 255") as refused:
        check_whole_numbers(np.array(values), np.dtype("uint8"))
    assert received in str(refused.value)


@pytest.mark.parametrize("values", [[0.0, 0.0], [0.0, 2.0], [255.0]])
def test_raw_values_are_taken(values):
    check_whole_numbers(np.array(values), np.dtype("uint8"))


@pytest.fixture
def served(study):
    """Function from examples to the status and the answer of a server of the champion."""
    without = [line for line in study.read("studykit.yaml").splitlines() if "serving:" not in line]
    study.write("studykit.yaml", "\n".join(without))
    study("mnist-study sync")
    with serve_champion(study) as ask:
        yield lambda examples: ask({"instances": examples})


@pytest.mark.slow
def test_a_server_reads_raw_images_and_refuses_scaled_ones(study, served):
    with np.load(study.root / "data/processed/test.npz") as arrays:
        x = arrays["x"][:20]
    status, answer = served(x.tolist())
    assert status == 200, answer
    predicted = np.array(answer["predictions"]).argmax(axis=1)
    table = np.loadtxt(
        study.root / "plots/evaluate/cnn_predictions.csv", delimiter=",", skiprows=1, max_rows=20
    )
    assert predicted.tolist() == table[:, 1].astype(int).tolist()
    status, answer = served((x / 255).tolist())
    assert status == 400
    assert "expected whole numbers from 0 to 255" in answer["message"]
