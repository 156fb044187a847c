"""Draw the study's figures and tell the whole result on one page.

Reads metrics, curves, predictions and the examples that `evaluate` kept; writes the figures,
`report/index.html` and `report/report.md`.
"""

import signal
from multiprocessing import get_context

from mnist_study import report, tracking
from mnist_study.errors import command
from mnist_study.figures import report as figures
from mnist_study.findings import read_findings
from mnist_study.params import load

FIGURES = "plots/report"


def main():
    params = load()
    confidence, bins = params.evaluate.confidence, params.evaluate.calibration_bins
    with tracking.run("report"):
        # Drawing takes seconds, and one core: the grids of digits take about as long as the rest.
        grids = get_context("spawn").Process(target=save_digits, daemon=True)
        grids.start()
        results = read_findings()
        digits = figures.choose_digits(results, params.report)
        ours = figures.draw_panels(results, confidence=confidence, bins=bins)
        figures.save_panels(FIGURES, ours)
        panels = ours | {"histories": figures.draw_histories(results)}
        panels |= figures.draw_replication(results, confidence=confidence)
        for name, suffix in {"index": "html", "report": "md"}.items():
            page = report.render(
                f"report.{suffix}.j2",
                results,
                panels=panels,
                digits=digits,
                confidence=confidence,
                versions=params.libraries.versions(),
            )
            report.write_page(f"report/{name}.{suffix}", page)
        grids.join()
        if grids.exitcode:
            raise RuntimeError("the process that draws the digits has failed, see above")


def save_digits():
    """What the other process does. It reads for itself: to be sent results would take longer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the stage, which takes this along
    results = read_findings()
    figures.save_digits(FIGURES, results, figures.choose_digits(results, load().report))


if __name__ == "__main__":
    command(main)
