"""Images by class in folders, inside a zip or a tar: `CLASS/FILE`, or `train/CLASS/FILE` and so on.

The folder that an image lies in is its class. Nothing is extracted; an archive is read twice, to
count the images and to decode them one by one.
"""

import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from imagesets.formats import BROKEN, parts_of
from imagesets.labels import in_order
from imagesets.pictures import Picture, fill, most_common_size
from studykit.errors import UserError, one_line

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
TRAIN, TEST = {"train", "training", "val", "valid", "validation"}, {"test", "testing"}


def read(folder, entry, fit):
    """Read archives of images by class; see `imagesets.formats`.

    Raises:
        UserError: an archive or an image is broken, or lies in no class.
    """
    counts = [0, 0]
    for picture in _pictures(folder, entry, with_content=False):
        counts[picture.is_test] += 1
    return fill(lambda: _pictures(folder, entry), counts, size=entry.size, fit=fit)


def guess(folder, names):
    """Keys of the entry of some archives: names of the classes, and the size of most images."""
    classes = {
        _class_of(Path(folder, name), place)
        for name in names
        for place, _ in _members(Path(folder, name), with_content=False)
    }
    pictures = (
        Picture(f"{name}: {place}", "", False, content)
        for name in names
        for place, content in _members(Path(folder, name))
    )
    return parts_of(names) | {"classes": in_order(classes)} | most_common_size(pictures)


def _pictures(folder, entry, *, with_content=True):
    for name in [*entry.train_files, *entry.test]:
        path = Path(folder, name)
        for place, content in _members(path, with_content=with_content):
            label = _class_of(path, place)
            if label not in entry.classes:
                raise UserError(
                    f"{path}: {place}: expected a class of {entry.where('classes')}, received "
                    f"{label}; add it there"
                )
            above = {part.lower() for part in place.parts[:-2]}
            yield Picture(
                f"{path}: {place}", label, name in entry.test or bool(above & TEST), content
            )


def _class_of(path, place):
    if len(place.parts) < 2 or (len(place.parts) < 3 and place.parts[-2].lower() in TRAIN | TEST):
        raise UserError(
            f"{path}: {place}: expected CLASS/FILE, train/CLASS/FILE or test/CLASS/FILE, received "
            "an image in no class; put it into its class's folder"
        )
    return place.parts[-2]


def _members(path, *, with_content=True):
    """Place and content of each image in an archive, in its order, without hidden files."""
    members = _of_zip if zipfile.is_zipfile(path) else _of_tar
    try:
        for name, content in members(path, with_content):
            yield PurePosixPath(name), content
    except BROKEN as error:
        said = one_line(str(error).partition(":")[0])  # tarfile goes on with a list
        raise UserError(
            f"{path}: expected a whole zip or tar archive, received: {said}; fetch the file again"
        ) from None


def _is_image(name):
    place = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in place.parts)
    return place.suffix.lower() in SUFFIXES and not hidden


def _of_zip(path, with_content):
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if _is_image(member.filename) and not member.is_dir():
                yield member.filename, archive.read(member) if with_content else b""


def _of_tar(path, with_content):
    with tarfile.open(path) as archive:
        while (member := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # it would keep all
            if member.isreg() and _is_image(member.name):
                file = archive.extractfile(member)
                yield member.name, file.read() if with_content and file else b""
