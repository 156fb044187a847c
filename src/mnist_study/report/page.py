"""The pages that tell the result: every number on them says which metrics file it comes from."""

import base64
import io
from functools import partial, reduce
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from mnist_study.report.figures.panels import size_of
from mnist_study.report.figures.pictures import percent
from mnist_study.report.figures.style import PALETTE, compose, place_of, to_svg
from mnist_study.study import NETS
from studykit.files import write_text

PAGES = {"index.html": "report.html.j2", "report.md": "report.md.j2"}
MANY = 20  # classes, beyond which names and numbers have no room beside one another
PICTURE = 56  # height on the page that small images are enlarged to, in its pixels
LARGEST = 128  # pixels a side; larger images are made smaller
BYTES = 8_000_000  # of all pictures of errors, and of all images for the scripts, as pixels


def write_pages(folder, results, **shown):
    """Write the page, and its short form in Markdown; takes what render takes."""
    shown["bench"] = describe_bench(results)
    for name, template in PAGES.items():
        write_text(f"{folder}/{name}", render(template, results, **shown))


def render(template, results, *, panels, **shown):
    """Fill a template.

    Args:
        template: its file's name, `.html.j2` or `.md.j2`.
        results: Findings.
        panels: what figures.panels.draw_panels returned.
        shown: bench, what describe_bench returned; grids, what figures.pictures.choose returned;
            confidence, of the intervals; settings, dict of sections of the parameters.

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
    quote = partial(quote_html if environment.autoescape else quote_text, results.numbers)

    def svgs(name):
        for panel, draw in panels[name].items():
            drawing = partial(compose, draw, size=size_of(name, results))
            yield panel, Markup(to_svg(drawing, panel))

    wrong = np.unique(np.concatenate([results.wrong(net) for net in NETS])).tolist()
    size = picture(np.zeros(results.image_shape, np.uint8))[1:]
    return environment.get_template(template).render(
        number=quote,
        svgs=svgs,
        picture=lambda image: picture(image)[0],
        size=size,
        percent=percent,
        results=results,
        nets=NETS,
        colours={net: place_of(net) % len(PALETTE) for net in NETS},
        many=len(results.classes) > MANY,
        overfitting=[net for net in NETS if results.overfits(net, shown["confidence"])],
        key=key,
        claims=[verdict | {"name": name} for name, verdict in results.decided.items()],
        errors=wrong[: max(100, BYTES // np.prod([*size, results.image_shape[-1]]))],
        num_errors=len(wrong),
        **shown,
    )


def quote_html(metrics, path, form="{:,}", times=1):
    """A number for the page, as a data element that names its source.

    Args:
        metrics: content of the metrics files by name.
        path: a file's name and the keys to a number in it, such as `evaluate/cnn/test/accuracy`;
            what `key` returned stands for a key that is any text.
        form: how to write it; `p` for a p-value, as papers state it.
        times: what it is multiplied by before it is written: 100 for percentage points.
    """
    value = find(metrics, path)
    return Markup('<data value="{}" data-source="{}">{}</data>').format(
        value, path, _write(value, form, times)
    )


def quote_text(metrics, path, form="{:,}", times=1):
    """The same number as plain text."""
    return _write(find(metrics, path), form, times)


def _write(value, form, times):
    if form == "p":
        return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
    return form.format(times * value)


def find(metrics, path):
    """The number at a path such as `evaluate/cnn/test/accuracy`.

    Source: keys are written as in a JSON Pointer, RFC 6901.
    """
    keys = (key.replace("~1", "/").replace("~0", "~") for key in path.split("/"))
    return reduce(dict.__getitem__, keys, metrics)


def key(text):
    """A key of a path, whatever it holds."""
    return text.replace("~", "~0").replace("/", "~1")


def picture(image):
    """An image as the address of a PNG, grey black on white; its width and height on the page.

    Args:
        image: uint8 (height, width, 1 or 3), intensity 0–255.
    """
    shown = Image.fromarray(image if image.shape[-1] == 3 else 255 - image[..., 0])
    shown.thumbnail((LARGEST, LARGEST))
    times = max(1, round(PICTURE / shown.height))
    file = io.BytesIO()
    shown.save(file, format="PNG", optimize=True)
    address = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    return address, times * shown.width, times * shown.height


def describe_bench(results):
    """What the page's scripts are given, as JSON can hold it: the nets and test images.

    Returns:
        dict: shape, of an image; classes; recipe, of grey images that are drawn; index and label of
        each image, the samples first; pixels, of all; and nets, a list of what is in
        Findings.networks, with name, title and said, the prediction of each image.
    """
    shape, tables = results.image_shape, results.predictions
    shown = dict.fromkeys([*results.sampled, *results.images])
    images = [*shown][: max(1, BYTES // np.prod(shape))]
    said = {net: tables[net]["prediction"][images].tolist() for net in NETS}
    nets = [{"name": n, "title": NETS[n], "said": said[n]} | results.networks[n] for n in NETS]
    label = tables[nets[0]["name"]]["label"][images].tolist()
    pixels = b"".join(results.images[index].tobytes() for index in images)
    recipe = dict(results.data["prepare"] or {}) if shape[2] == 1 else {}
    about = {"shape": shape, "classes": results.classes, "recipe": recipe or None, "nets": nets}
    return about | {"index": images, "label": label, "pixels": base64.b64encode(pixels).decode()}
