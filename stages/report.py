"""Draw the study's figures and tell the whole result on one page.

Reads metrics, curves, predictions and the examples that `evaluate` kept; writes the figures,
`report/index.html` and `report/report.md`.
"""

import signal
from multiprocessing import Process

from mnist_study.params import load
from studykit.errors import command
from studykit.tracking import live as tracking

FIGURES = "plots/report"


def main():
    params = load()
    with tracking.run("report"):
        from mnist_study.report.findings import (
            read_findings,  # only now: pandas takes a while to import
        )

        results = read_findings()
        # Drawing takes seconds, and one core: half is for the files, half for the page.
        files = Process(target=draw_files, args=(params, results), daemon=True)
        files.start()
        write_page(params, results)
        files.join()
        if files.exitcode:
            raise RuntimeError("the process that draws the figures has failed, see above")


def write_page(params, results):
    """Draw what the page holds, and write it."""
    from mnist_study.report import page as report
    from mnist_study.report.figures import report as figures

    confidence, bins = params.evaluate.confidence, params.evaluate.calibration_bins
    panels = figures.draw_panels(results, confidence=confidence, bins=bins)
    panels |= {"histories": figures.draw_histories(results)}
    panels |= figures.draw_replication(results, confidence=confidence)
    for name, suffix in {"index": "html", "report": "md"}.items():
        page = report.render(
            f"report.{suffix}.j2",
            results,
            panels=panels,
            digits=figures.choose_digits(results, params.report),
            confidence=confidence,
            versions=params.versions(),
        )
        report.write_page(f"report/{name}.{suffix}", page)


def draw_files(params, results):
    """Draw the figures that are files."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the stage, which takes this along
    from mnist_study.report.figures import report as figures

    confidence, bins = params.evaluate.confidence, params.evaluate.calibration_bins
    figures.save_panels(FIGURES, figures.draw_panels(results, confidence=confidence, bins=bins))
    figures.save_digits(FIGURES, results, figures.choose_digits(results, params.report))


if __name__ == "__main__":
    command(main)
