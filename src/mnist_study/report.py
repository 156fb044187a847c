"""The page that tells the result: numbers from the metrics, figures from the plots."""

import base64
from pathlib import Path

import jinja2

from mnist_study import claims
from mnist_study.files import replacing


def render(figures, *, confidence, sizes, verdicts, training, evaluation):
    """Fill the template.

    Args:
        figures: caption to PNG file.
        confidence: of the intervals.
        sizes: images per split, by name.
        verdicts: the content of `metrics/claims.json`.
        training: net to the content of `metrics/train_<net>.json`.
        evaluation: the content of `metrics/evaluate.json`.

    Returns:
        str, HTML that needs no other file.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("report.html.j2").render(
        confidence=confidence,
        sizes=sizes,
        claims=[describe_verdict(name, verdict) for name, verdict in verdicts.items()],
        rules=list(dict.fromkeys(claims.STATEMENTS[name][1] for name in verdicts)),
        nets=[
            {
                "name": net,
                "parameters": metrics["parameters"],
                "val_accuracy": metrics["val"]["accuracy"],
                "test": evaluation[net]["test"],
            }
            for net, metrics in training.items()
        ],
        difference=evaluation["cnn_minus_dense"],
        figures=[
            {"caption": caption, "data": base64.b64encode(Path(path).read_bytes()).decode()}
            for caption, path in figures.items()
        ],
    )


def describe_verdict(name, verdict):
    """A claim in words and its numbers as text, shares as percentages."""
    is_share = verdict["claimed"] < 1
    form = "{:.2%}" if is_share else "{:,}"
    low, high = form.format(verdict["low"]), form.format(verdict["high"])
    return {
        "statement": claims.describe(name, verdict),
        "measured": form.format(verdict["measured"]),
        "interval": "exact" if low == high else f"{low} – {high}",
        "verdict": verdict["verdict"],
    }


def write_page(path, page):
    """Write the page, whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(page, encoding="utf-8")
