"""Draw the study's figures and tell the whole result on one page.

Reads metrics, curves, predictions and the examples that earlier stages kept; writes the figures,
`report/index.html` and `report/report.md`.
"""

from mnist_study.report.params import Report
from mnist_study.scores.params import Evaluate
from mnist_study.verdicts import PARAMETERS
from studykit.background import beside
from studykit.errors import command
from studykit.params import load
from studykit.tracking.run import run


def main():
    studied = dict.fromkeys(PARAMETERS, dict)
    params = load(report=Report, evaluate=Evaluate, libraries=dict, **studied)
    with run("report"):
        # Only now: matplotlib takes a while to import.
        from mnist_study.report import page
        from mnist_study.report.figures import panels, pictures
        from mnist_study.report.findings import read_findings

        results = read_findings(dict(params))
        confidence, bins = params.evaluate.confidence, params.evaluate.calibration_bins
        drawn = panels.draw_panels(results, confidence=confidence, bins=bins)
        grids = pictures.choose(results, params.report)
        shown = {"panels": drawn, "grids": grids, "confidence": confidence}
        shown["settings"] = dict(params)
        with beside(lambda: page.write_pages("report", results, **shown)):
            panels.write_figures("plots/report", results, drawn, grids)


if __name__ == "__main__":
    command(main)
