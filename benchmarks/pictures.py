"""How many pictures of digits the nets read right, prepared by netserve or only scaled.

    python -m benchmarks.pictures [--count N] [--short]

`drawn_digits` makes the pictures, 300 × 400 pixels each: of every kind as many printed by the fonts
that are here as written by hand. The nets are those in `models/`. A picture that is refused, or in
which several digits are found, counts as read wrong.
"""

import argparse
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks import drawn_digits
from benchmarks.harness import RESULTS, SHORT, machine, markdown, write
from imagesets import splits
from netserve.models import find_nets
from netserve.pictures import PictureError, open_picture
from netserve.preparation import fit, prepare
from netserve.quiet import import_keras
from studykit.errors import UserError, command
from studykit.study import load_study

COUNT, SHORT_COUNT = 60, 20  # pictures of each kind and source
WAYS = ("resized", "resized, inverted", "prepared")


def main():
    parser = argparse.ArgumentParser("python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("--count", type=int, help=f"of each kind; default: {COUNT}")
    parser.add_argument("--short", action="store_true", help="a quick look; no record")
    arguments = parser.parse_args()
    count = arguments.count or (SHORT_COUNT if arguments.short else COUNT)
    target = (SHORT if arguments.short else RESULTS) / "pictures.csv"
    command(lambda: measure(target, count))


def measure(target, count):
    """Read all pictures; write the table, and print it."""
    fonts = drawn_digits.find_fonts()
    try:
        test = splits.load(load_study().outputs.path("data", "test"))
    except OSError:
        raise UserError("data/processed/test.npz: expected MNIST; run dvc repro") from None
    sources = {
        "printed": drawn_digits.by_fonts(fonts),
        "written": drawn_digits.by_hand(test.x[..., 0], test.y),
    }
    with TemporaryDirectory() as scratch:
        import_keras()
        nets = find_nets("workspace", scratch)
    rows = [
        row
        for source, shapes in sources.items()
        for kind in drawn_digits.KINDS
        for row in read(nets, source, kind, drawn_digits.pictures(kind, shapes, count=count))
    ]
    frame = pd.DataFrame(rows)
    header = f"{len(fonts)} fonts; {machine()}"
    write(target, frame, header)
    print(f"\n{header}\n\n{table(frame)}")


def read(nets, source, kind, pictures):
    """Ask all nets about some pictures.

    Args:
        nets: list of Known.
        source, kind: of the pictures.
        pictures: iterable of bytes and digits.

    Yields:
        dict: source, kind, net, way, images, and how many of them are read right.
    """
    pictures = list(pictures)
    digits = np.array([digit for _, digit in pictures])
    given = {recipe: _given(pictures, recipe) for recipe in {known.recipe for known in nets}}
    for known in nets:
        images, whole = given[known.recipe]
        for way in WAYS:
            right = known.net.probabilities(images[way]).argmax(axis=1) == digits
            right &= whole | (way != "prepared")
            row = {"source": source, "kind": kind, "net": known.name, "way": way}
            yield row | {"images": len(digits), "right": int(right.sum())}
            print(f"{source}, {kind}, {known.name}, {way}: {right.mean():.1%}", flush=True)


def _given(pictures, recipe):
    """What a net is given each way, and which pictures were prepared as one digit."""
    opened = [open_picture(content) for content, _ in pictures]
    prepared = [_prepare(content, recipe) for content, _ in pictures]
    blank = np.zeros((*recipe.size, recipe.channels), np.uint8)
    images = (
        [fit(pixels, recipe) for pixels in opened],
        [fit(255 - pixels, recipe) for pixels in opened],
        [blank if image is None else image for image in prepared],
    )
    whole = np.array([image is not None for image in prepared])
    return dict(zip(WAYS, map(np.stack, images), strict=True)), whole


def _prepare(content, recipe):
    try:
        images = prepare(content, recipe)
    except PictureError:
        return None
    return images[0] if len(images) == 1 else None


def table(frame):
    """The shares that are read right, as Markdown: a table a source, a row a kind."""
    tables = []
    for source, own in frame.groupby("source", sort=False):
        columns = [(net, way) for net in own["net"].unique() for way in WAYS]
        rows = [[f"{source}: read right", *(f"{net}, {way}" for net, way in columns)]]
        kinds = {kind: own[own["kind"] == kind] for kind in own["kind"].unique()}
        for kind, part in (kinds | {"all": own}).items():
            sums = part.groupby(["net", "way"])[["right", "images"]].sum()
            shares = [sums.loc[column, "right"] / sums.loc[column, "images"] for column in columns]
            rows.append([kind, *(f"{share:.1%}" for share in shares)])
        images = own["images"].sum() // len(columns)
        note = f"{images:,} pictures, {images // len(kinds):,} of each kind."
        tables.append(f"{markdown(rows, right=range(1, len(rows[0])))}\n\n{note}")
    return "\n\n".join(tables)


if __name__ == "__main__":
    main()
