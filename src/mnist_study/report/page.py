"""The pages that tell the result: every number on them says which metrics file it comes from."""

import base64
import io
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from mnist_study.report.figures import report as figures
from mnist_study.report.figures.digits import percent
from mnist_study.report.figures.style import NETS, compose, to_svg
from mnist_study.scores import claims, replication
from studykit.files import atomic_write


def render(template, results, *, panels, digits, confidence, versions):
    """Fill a template.

    Args:
        template: its file's name, `.html.j2` or `.md.j2`.
        results: Findings.
        panels: figure to dict of panel to function that draws it on an axis.
        digits: what figures.choose_digits returned.
        confidence: of the intervals.
        versions: of the libraries, by name.

    Returns:
        str: text that needs no other file.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=".html." in template,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    quote = quote_html if environment.autoescape else quote_text

    def number(path, form="{:,}"):
        return quote(results.metrics, path, form)

    def svgs(name):
        for panel, draw in panels[name].items():
            yield panel, Markup(to_svg(compose(draw, **figures.layout(name)), panel))

    return environment.get_template(template).render(
        number=number,
        svgs=svgs,
        picture=lambda index: picture(results.images[index]),
        percent=percent,
        results=results,
        digits=digits,
        nets=NETS,
        confidence=confidence,
        claims=list(describe_claims(results.metrics)),
        rules=list(dict.fromkeys(rule for _, rule in rules().values())),
        errors=np.union1d(*(results.wrong(net) for net in NETS)).tolist(),
        versions=versions,
    )


def quote_html(metrics, path, form):
    """A number for the page, as a data element that names its source.

    Args:
        metrics: content of the metrics files by name.
        path: a file's name and the keys to a number in it, such as `evaluate/cnn/test/accuracy`.
        form: how to write it.
    """
    value = look_up(metrics, path)
    return Markup('<data value="{}" data-source="{}">{}</data>').format(
        value, path, form.format(value)
    )


def quote_text(metrics, path, form):
    """The same number as plain text."""
    return form.format(look_up(metrics, path))


def look_up(metrics, path):
    """The number at a path such as `evaluate/cnn/test/accuracy`."""
    for key in path.split("/"):
        metrics = metrics[key]
    return metrics


def rules():
    """Claim to the metrics file whose verdict counts and its rule: many seeds outweigh one run."""
    once = {name: ("claims", rule) for name, (_, rule) in claims.STATEMENTS.items()}
    return once | {name: ("replicate/claims", rule) for name, rule in replication.RULES.items()}


def describe_claims(metrics):
    """Each claim in words, with its verdict, where that is from, and how its numbers are written.

    Args:
        metrics: content of the metrics files by name.
    """
    for name, (source, _) in rules().items():
        verdict = look_up(metrics, f"{source}/{name}")
        yield {
            "name": name,
            "at": f"{source}/{name}/",
            "seeds": source != "claims",
            "statement": claims.describe(name, verdict),
            "form": "{:.2%}" if verdict["claimed"] < 1 else "{:,}",
            "exact": verdict["low"] == verdict["high"],
            "verdict": verdict["verdict"],
        }


def picture(image):
    """A digit as the address of a PNG, black on white.

    Args:
        image: uint8 (28, 28), intensity 0–255.
    """
    file = io.BytesIO()
    Image.fromarray(255 - image).save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def write_page(path, page):
    """Write the page, whole or not at all."""
    with atomic_write(path) as beside:
        beside.write_text(page, encoding="utf-8")
