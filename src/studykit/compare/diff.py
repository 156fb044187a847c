"""The command `diff`: what a change did to the results, and whether it was more than noise.

The exit status is 0 for no significant loss, 1 for a loss or a claim that no longer holds, and 2
where it could not compare. Everything is read from Git or the working tree: no remote is needed.
"""

import json
from dataclasses import asdict
from pathlib import Path

from studykit.compare import models, render
from studykit.compare.comparison import compare
from studykit.compare.results import read_results
from studykit.compare.sections import Section, make_sections
from studykit.compare.settings import settings_of
from studykit.compare.verdict import INCOMPARABLE
from studykit.documents import plain
from studykit.errors import UserError
from studykit.records.revisions import WORKSPACE, merge_base, resolve

REFUSED = INCOMPARABLE  # the exit status after a user's mistake


def add_arguments(parser):
    """Describe the command line."""
    parser.epilog = (
        "A revision is a branch, tag, commit, DVC experiment or `workspace`. Exit status: 0 no "
        "significant loss, 1 a loss or a claim that no longer holds, 2 it could not compare."
    )
    parser.add_argument("base", nargs="?", metavar="BASE", help="default: merge base with main")
    parser.add_argument(
        "head", nargs="?", default=WORKSPACE, metavar="HEAD", help="default: %(default)s"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--md", action="store_true", help="Markdown, for a comment")
    form.add_argument("--json", action="store_true", help="all of it, for a program")
    parser.add_argument(
        "--all", action="store_true", help="what a comment hides behind its details, too"
    )
    parser.add_argument(
        "--images",
        metavar="FOLDER",
        help="write curves, confusions and examples there, and link them",
    )
    parser.add_argument(
        "--image-url", metavar="URL", help="where readers find that folder; default: FOLDER"
    )


def run(arguments):
    """Compare and print; return the exit status."""
    try:
        settings = settings_of(resolve(WORKSPACE))
        base = read_results(resolve(arguments.base) if arguments.base else merge_base())
        head = read_results(resolve(arguments.head))
    except UserError as error:
        if arguments.md:
            print(render.refuse(str(error)))
        raise
    comparison = compare(base, head, settings)
    pictures = {}
    if arguments.images:
        folder = Path(arguments.started_in, arguments.images)
        names = draw(folder, comparison, base, head, images=settings.images)
        url = (arguments.image_url or arguments.images).rstrip("/")
        pictures = {caption: f"{url}/{name}" for caption, name in names.items()}
    if arguments.json:
        content = plain(as_dict(comparison) | {"pictures": pictures})
        print(json.dumps(content, indent=2, default=str, allow_nan=False))
        return comparison.status
    sections = make_sections(comparison, base, head, images=settings.images)
    if pictures:
        sections = [section for section in sections if section.rows]
        sections.append(Section("Pictures", pictures=pictures))
    if arguments.md:
        print(render.to_markdown(comparison, sections))
    else:
        print(render.to_text(comparison, sections, everything=arguments.all))
    return comparison.status


def as_dict(comparison):
    """A comparison in JSON's types."""
    metrics = [
        asdict(metric)
        | {"difference": metric.difference, "test": metric.test and metric.test._asdict()}
        for metric in comparison.metrics
    ]
    return asdict(comparison) | {"metrics": metrics}


def draw(folder, comparison, base, head, *, images):
    """Write the figures.

    Returns:
        dict: caption to file name.
    """
    from studykit.compare import figures  # matplotlib is slow to import

    labels = (comparison.base, comparison.head)
    drawings: dict[str, tuple] = {}
    for model in models.changed_histories(base, head):
        histories = base.histories[model], head.histories[model]
        if metrics := models.validation_metrics(*histories):
            drawings[f"Validation curves, {model}"] = (
                figures.draw_curve_change, *histories, labels, model, metrics
            )  # fmt: skip
    for flips in comparison.flips:
        if flips.broken or flips.mended:
            tables = (results.predictions[flips.model] for results in (base, head))
            drawings[f"Test examples by label and prediction, {flips.model}"] = (
                figures.draw_confusion_change, *models.confusions(*tables), labels, flips.model
            )  # fmt: skip
    for group in models.example_groups(comparison, base, head, images=images):
        drawings[group.title] = figures.draw_examples, group.images, group.captions, group.title
    names = {caption: f"{number}.png" for number, caption in enumerate(drawings, start=1)}
    for caption, drawing in drawings.items():
        figures.save(folder / names[caption], *drawing)
    return names
