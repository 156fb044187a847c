"""Draw the study's figures and tell the whole result on one page.

Reads metrics, curves, predictions and the examples that `evaluate` kept; writes the figures,
`report/index.html` and `report/report.md`.
"""

from mnist_study import report, tracking
from mnist_study.errors import command
from mnist_study.figures import report as figures
from mnist_study.figures.style import compose, save
from mnist_study.findings import read_findings
from mnist_study.params import load


def main():
    params = load()
    with tracking.run("report"):
        results = read_findings()
        panels = figures.draw_panels(
            results,
            confidence=params.evaluate.confidence,
            bins=params.evaluate.calibration_bins,
        )
        for name, drawn in panels.items():
            save(
                f"plots/report/{name}.png",
                compose(*drawn.values(), **figures.layout(name)),
            )
        digits = figures.choose_digits(
            results,
            errors=params.report.errors,
            confident_errors=params.report.confident_errors,
            disagreements=params.report.disagreements,
        )
        for name, groups in digits.items():
            save(f"plots/report/{name}.png", figures.draw_digits(results, groups))

        panels["histories"] = figures.draw_histories(results)
        panels |= figures.draw_replication(results, confidence=params.evaluate.confidence)
        for name, suffix in {"index": "html", "report": "md"}.items():
            page = report.render(
                f"report.{suffix}.j2",
                results,
                panels=panels,
                digits=digits,
                confidence=params.evaluate.confidence,
                versions=params.libraries.versions(),
            )
            report.write_page(f"report/{name}.{suffix}", page)


if __name__ == "__main__":
    command(main)
