"""`mnist-study diff`: what a change did to the results, and whether it was more than noise.

The exit status is 0 for no significant loss, 1 for a loss or a claim that no longer holds, and 2
where it could not compare. Everything is read from Git or the working tree: no remote is needed.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from mnist_study.params import load
from studykit.compare import comparison_view as view
from studykit.compare.comparison import INCOMPARABLE, compare
from studykit.compare.results import read_results
from studykit.errors import UserError
from studykit.records.revisions import WORKSPACE, merge_base, resolve


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
    parser.add_argument("--all", action="store_true", help="metrics that hardly moved, too")
    parser.add_argument(
        "--images", metavar="FOLDER", help="write curves, confusion and digits there, and link them"
    )
    parser.add_argument(
        "--image-url", metavar="URL", help="where readers find that folder; default: FOLDER"
    )


def run(arguments):
    """Compare and print; return the exit status."""
    try:
        settings = load().diff
        base = read_results(resolve(arguments.base) if arguments.base else merge_base())
        head = read_results(resolve(arguments.head))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        if arguments.md:
            print(view.refuse(str(error)))
        return INCOMPARABLE
    comparison = compare(base, head, settings)
    pictures = {}
    if arguments.images:
        names = _draw(arguments.images, comparison, base, head, images=settings.images)
        url = (arguments.image_url or arguments.images).rstrip("/")
        pictures = {caption: f"{url}/{name}" for caption, name in names.items()}
    if arguments.json:
        print(json.dumps(as_dict(comparison) | {"pictures": pictures}, indent=2, default=str))
        return comparison.status
    sections = view.make_sections(comparison, base, head, images=settings.images)
    if pictures:
        sections = [section for section in sections if section.rows]
        sections.append(view.Section("Pictures", pictures=pictures))
    if arguments.md:
        print(view.to_markdown(comparison, sections))
    else:
        print(view.to_text(comparison, sections, everything=arguments.all))
    return comparison.status


def as_dict(comparison):
    """A comparison in JSON's types."""
    metrics = [
        asdict(metric)
        | {"difference": metric.difference, "test": metric.test and metric.test._asdict()}
        for metric in comparison.metrics
    ]
    return asdict(comparison) | {"metrics": metrics}


def _draw(folder, comparison, base, head, *, images):
    """Write the figures; return caption to file name."""
    from mnist_study.report.figures.style import save
    from studykit.compare import figures as changes

    labels = (comparison.base, comparison.head)
    figures = {}
    for net in view.changed_histories(base, head):
        histories = base.histories[net], head.histories[net]
        figures[f"Validation curves, {net}"] = changes.draw_curve_change(*histories, labels, net)
    for flips in comparison.flips:
        if flips.broken or flips.mended:
            before, after = (
                view.confusion(results.predictions[flips.net]) for results in (base, head)
            )
            figure = changes.draw_confusion_change(before, after, labels, flips.net)
            figures[f"Test digits by label and prediction, {flips.net}"] = figure
    for title, digits in view.digit_groups(comparison, base, head, images=images):
        figures[title] = changes.draw_flips(*digits, title)
    names = {title: f"{number}.png" for number, title in enumerate(figures, start=1)}
    for title, figure in figures.items():
        save(Path(folder) / names[title], figure)
    return names
