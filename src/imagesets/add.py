"""Add a data set to the catalogue: look at what lies at a path, and write its entry."""

import io
import os
import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from imagesets import catalogue, formats, images
from studykit.errors import UserError
from studykit.files import write_tar, write_text

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
KINDS = {  # format -> how names of its files end
    "idx": ("ubyte", "ubyte.gz", ".idx", ".idx.gz"),
    "parquet": (".parquet",),
    "npz": (".npz",),
    "csv": (".csv", ".csv.gz"),
    "folder": ARCHIVES,
}
TEST_FRACTION = 0.2  # drawn where no image is marked for testing


@dataclass(frozen=True)
class Place:
    """Where files of one format lie.

    Attributes:
        format: of the files.
        folder: they lie in.
        names: of the files.
        source: as an entry names it.
    """

    format: str
    folder: Path
    names: list[str]
    source: str


def add(path, name, *, title=None, noun=None, replace=False, file=catalogue.FILE):
    """Look at what lies at a path, and write its entry.

    Args:
        path: of a file, of a folder of files, or of a folder of images by class.
        name: of the entry.
        title: for headings; the name by default.
        noun: what one image shows; "image" by default.
        replace: whether an entry of that name may be replaced.
        file: the catalogue.

    Returns:
        list of str: what was found, in lines.

    Raises:
        UserError: there is such an entry, or what lies there is no data set.
    """
    if name in catalogue.read_catalogue(file) and not replace:
        raise UserError(f"{file}: {name}: expected a new name; to replace that entry: --replace")
    with TemporaryDirectory() as scratch:
        place = look(Path(path), name, Path(scratch))
        keys = formats.module(place.format).guess(place.folder, place.names)
        names = [each for part in ("train", "test") for each in keys.get(part, ())] or place.names
        values = {
            "title": title or name,
            "noun": noun or "image",
            "format": place.format,
            "sources": [place.source],
            "files": {each: _sha256(place.folder / each) for each in names},
            **{key: value for key, value in keys.items() if value not in ([], None)},
            "licence": "not stated",
            "cite": "",
            "claims": [],
        }
        found, values = _read(place.folder, name, values, file)
    _write(name, values, file)
    return _describe(path, values, found)


def look(path, name, scratch):
    """Find out what lies at a path.

    Args:
        path: of a file or a folder.
        name: of the data set.
        scratch: folder for a tar of images that lie in a folder.

    Returns:
        Place.

    Raises:
        UserError: nothing there is known.
    """
    path = path.expanduser().resolve()
    if path.is_file():
        for kind, ends in KINDS.items():
            if path.name.lower().endswith(ends):
                return Place(kind, path.parent, [path.name], str(path.parent))
    if path.is_dir():
        inside = (each for each in sorted(path.iterdir()) if each.is_dir())
        for folder in [path, *(each for each in inside if not each.name.startswith("."))]:
            files = [each for each in sorted(os.listdir(folder)) if not each.startswith(".")]
            for kind, ends in KINDS.items():
                if names := [each for each in files if each.lower().endswith(ends)]:
                    return Place(kind, folder, names, str(folder))
        write_tar(scratch / f"{name}.tar", path)
        return Place("folder", scratch, [f"{name}.tar"], f"tar:{path}")
    raise UserError(
        f"{path}: expected IDX files, a folder of images by class, a zip, tar, CSV, .npz or "
        f"Parquet file, found {'another file' if path.exists() else 'nothing'}"
    )


def _read(folder, name, values, file):
    """Read the images; draw test images where none are marked.

    Returns:
        ImageSet, and the values of the entry.
    """
    entry = catalogue.make_entry(name, values, file)
    parts = formats.module(entry.format).read(folder, entry, True)
    if parts.num_train == len(parts.x):
        values = values | {"test_fraction": TEST_FRACTION, "test_seed": 0}
        values["claims"] = values.pop("claims")  # at the end
        entry = catalogue.make_entry(name, values, file)
    return images.divide(parts, entry), values


def _sha256(path):
    """As fetch computes it: of the uncompressed content, but for names that end in .gz."""
    import pooch

    return pooch.file_hash(str(path))


def _write(name, values, file):
    """Write an entry below the others, whose text stays as it is, or in the place of one."""
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 100, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    written = {key: _in_a_line(value) for key, value in values.items()}
    text, target = Path(file).read_text(encoding="utf-8"), io.StringIO()
    entries = yaml.load(text)
    if name in entries:
        entries[name] = written
        yaml.dump(entries, target)
        write_text(file, target.getvalue())
    else:
        yaml.dump({name: written}, target)
        write_text(file, f"{text.rstrip()}\n\n{target.getvalue()}")


def _in_a_line(value):
    """A list as it is written: in one line where it is short, and of plain words or numbers."""
    if not isinstance(value, list) or not re.fullmatch(r"[\w\s'.,\[\]-]{,80}", str(value)):
        return value
    line = CommentedSeq(value)
    line.fa.set_flow_style()
    return line


def _describe(path, values, found):
    _, height, width, channels = found.x.shape
    classes = len(found.classes)
    train, test = (
        np.bincount(found.y[rows], minlength=classes) for rows in (found.train, found.test)
    )
    share = values.get("test_fraction")
    return [
        f"{path}: format {values['format']}, {len(found.x):,} images of {height} × {width}, "
        f"{'grey' if channels == 1 else 'in colour'}, {classes} classes",
        f"  for training {len(found.train):,}, for testing {len(found.test):,}"
        + (f", drawn: {share:.0%} of each class" if share else ""),
        *(
            f"  {label}: {train[number]:,} and {test[number]:,}"
            for number, label in enumerate(found.classes)
        ),
    ]
