"""What the stages leave out, to start sooner."""

import subprocess
import sys

import pytest

LARGE = {"PIL", "matplotlib", "pandas", "pyarrow", "scipy.stats", "sklearn", "tensorflow"}


@pytest.mark.parametrize(
    ("modules", "without"),
    [
        pytest.param(["mnist_study.params"], LARGE | {"numpy", "scipy"}, id="parameters"),
        pytest.param(
            ["imagesets.catalogue", "imagesets.fetching"], LARGE | {"numpy", "pooch"}, id="fetch"
        ),
        pytest.param(
            [
                "imagesets.images",
                "imagesets.formats.idx",
                "imagesets.partition",
                "imagesets.splits",
            ],
            LARGE,
            id="preprocess",
        ),
        pytest.param(["mnist_study.training.fit"], {"scipy.stats", "sklearn"}, id="train"),
        pytest.param(
            [
                "mnist_study.scores.anatomy",
                "mnist_study.scores.calibration",
                "mnist_study.scores.claims",
                "mnist_study.scores.evaluation",
                "mnist_study.scores.prediction",
            ],
            {"matplotlib", "sklearn"},
            id="evaluate",
        ),
        pytest.param(
            ["mnist_study.scores.claims", "mnist_study.replication", "mnist_study.verdicts"],
            {"matplotlib", "scipy.stats", "sklearn", "tensorflow", "PIL"},
            id="replicate",
        ),
        pytest.param(
            [
                "mnist_study.scores.calibration",
                "mnist_study.scores.claims",
                "mnist_study.report.findings",
                "mnist_study.replication",
                "mnist_study.report.page",
            ],
            {"scipy.stats", "tensorflow"},
            id="report",
        ),
    ],
)
def test_a_stage_goes_without_large_libraries_that_it_does_not_use(modules, without):
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert without & set(completed.stdout.split()) == set()
