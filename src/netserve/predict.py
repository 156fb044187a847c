"""`predict PICTURE…`: what trained nets read in pictures of your own.

A picture is prepared as the makers of the nets' data set prepared theirs, see `preparation`.
"""

import csv
import json
import os
import sys
from dataclasses import asdict
from tempfile import TemporaryDirectory

import numpy as np

from netserve.answers import ask, in_words
from netserve.inputs import list_pictures, read_picture
from netserve.models import find_nets, locate_model
from netserve.pictures import PictureError
from netserve.preparation import Recipe, prepare
from netserve.sheet import write_sheet

REFUSED = 1
UNREAD = 3
FIELDS = ("picture", "object", "net", "answer", "confidence", "second", "second_confidence",
          "right", "counted")  # fmt: skip


def add_arguments(parser):
    """Describe the command line."""
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="files, folders, or -")
    parser.add_argument("--model", default="workspace", metavar="MODEL",
                        help="a .keras file, a revision or experiment, or models:/NAME@ALIAS; "
                        "default: workspace")  # fmt: skip
    parser.add_argument("--net", help="ask this one only; default: all of the revision")
    parser.add_argument("--data", metavar="NAME", help="the nets' data set in datasets.yaml")
    parser.add_argument("--one", action="store_true", help="refuse pictures of several objects")
    parser.add_argument("--as-is", action="store_true", help="only scale: no cutting out")
    parser.add_argument("--show", metavar="FILE.png", help="draw what the nets were given")
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text")
    parser.epilog = (
        "Exit status: 0 every picture was read, 3 some were refused and the others read, "
        "1 none was read, 2 the command line is wrong."
    )


def run(arguments):
    """Print what the nets say; return the exit status."""
    names = list_pictures(arguments.pictures, arguments.started_in)
    with TemporaryDirectory() as scratch:
        nets = find_nets(locate_model(arguments), scratch, only=arguments.net, data=arguments.data)
        found, refused = prepare_all(names, nets, arguments)
        for line in refused:
            print(f"error: {line}", file=sys.stderr)
        if not found:
            return REFUSED
        answers = [
            ask(known, np.stack([images[_recipe(known, arguments)] for _, _, images in found]))
            for known in nets
        ]
    by_object = list(zip(*answers, strict=True))
    places = [(name, number) for name, number, _ in found]
    WRITERS[arguments.format](places, by_object, nets[0].noun)
    if arguments.show:
        images = [images[_recipe(nets[0], arguments)] for _, _, images in found]
        write_sheet(os.path.join(arguments.started_in, arguments.show), images, places, by_object)
    return UNREAD if refused else 0


def prepare_all(names, nets, arguments):
    """Prepare pictures one by one.

    Args:
        names: of the pictures.
        nets: list of Known.
        arguments: of the command line.

    Returns:
        list of name, number of the object in it from 1, and the object's image by Recipe; list of
        lines on what was refused.
    """
    recipes = list(dict.fromkeys(_recipe(known, arguments) for known in nets))
    found, refused = [], []
    for name in names:
        try:
            content = read_picture(name, arguments.started_in)
            by_recipe = {recipe: prepare(content, recipe) for recipe in recipes}
            count = len(by_recipe[recipes[0]])
            if arguments.one and count > 1:
                raise PictureError(f"expected one {nets[0].noun}, found {count}")
        except PictureError as error:
            refused.append(f"{name}: {error}")
            continue
        found += [
            (name, number + 1, {recipe: images[number] for recipe, images in by_recipe.items()})
            for number in range(count)
        ]
    return found, refused


def _recipe(known, arguments):
    return Recipe(known.recipe.size, known.recipe.channels) if arguments.as_is else known.recipe


def _write_text(places, by_object, noun):
    """A line for each picture, and a line below it for each net and object."""
    pictures = list(dict.fromkeys(name for name, _ in places))
    for picture in pictures:
        own = [answers for (name, _), answers in zip(places, by_object, strict=True)
               if name == picture]  # fmt: skip
        if len(own) > 1:
            print(f"{picture}: {len(own)} {noun}s, in the order of reading")
        for number, answers in enumerate(own, start=1):
            before = f"  {noun} {number}" if len(own) > 1 else picture
            print(f"{before}: {in_words(answers)}")
            for answer in answers:
                print(
                    f"    {answer.net}: {answer.label} {answer.confidence:.1%}, then "
                    f"{answer.second} {answer.second_confidence:.1%}"
                )


def _rows(places, by_object):
    for (name, number), answers in zip(places, by_object, strict=True):
        for answer in answers:
            values = asdict(answer)
            values["answer"] = values.pop("label")
            yield {"picture": name, "object": number} | values


def _write_json(places, by_object, noun):
    rows = [row | {"in_words": in_words(answers)}
            for place, answers in zip(places, by_object, strict=True)
            for row in _rows([place], [answers])]  # fmt: skip
    print(json.dumps(rows, indent=2, ensure_ascii=False))


def _write_csv(places, by_object, noun):
    writer = csv.DictWriter(sys.stdout, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(places, by_object))


WRITERS = {"text": _write_text, "json": _write_json, "csv": _write_csv}
