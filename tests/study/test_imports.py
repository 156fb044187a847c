"""What the stages leave out, to start sooner."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("modules", "without"),
    [
        (["training.fit"], {"scipy.stats", "sklearn"}),
        (
            [
                "scores.anatomy",
                "scores.calibration",
                "scores.claims",
                "scores.evaluation",
                "scores.prediction",
            ],
            {"matplotlib", "sklearn"},
        ),
        (
            [
                "scores.calibration",
                "scores.claims",
                "report.findings",
                "replication",
                "report.page",
            ],
            {"scipy.stats", "tensorflow"},
        ),
    ],
)
def test_a_stage_goes_without_large_libraries_that_it_does_not_use(modules, without):
    imported = ", ".join(f"mnist_study.{module}" for module in modules)
    code = f"import sys, {imported}; print(*sys.modules)"
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not without & set(completed.stdout.split())
