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


def main():
    params = load()
    confidence, bins = params.evaluate.confidence, params.evaluate.calibration_bins
    with tracking.run("report"):
        # Drawing takes seconds, and one core: the files beside the page, which draws its own.
        files = get_context("spawn").Process(target=save_figures, daemon=True)
        files.start()
        results = read_findings()
        digits = figures.choose_digits(results, params.report)
        panels = figures.draw_panels(results, confidence=confidence, bins=bins)
        panels["histories"] = figures.draw_histories(results)
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
        files.join()
        if files.exitcode:
            raise RuntimeError("the process that draws the figures has failed, see above")


def save_figures():
    """What the other process does. It reads for itself: to be sent results would take longer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the stage, which takes this along
    params, results = load(), read_findings()
    figures.save_figures(
        "plots/report",
        results,
        digits=figures.choose_digits(results, params.report),
        confidence=params.evaluate.confidence,
        bins=params.evaluate.calibration_bins,
    )


if __name__ == "__main__":
    command(main)
