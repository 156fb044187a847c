"""The catalogue of data sets, `datasets.yaml`: what each is, and where it comes from."""

import difflib
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator

from studykit.errors import UserError
from studykit.params import Count, Fraction, Section, Seed, Sha256, check, read

FILE = "datasets.yaml"
FORMATS = ("csv", "folder", "idx", "npz", "parquet")  # modules of imagesets.formats

Text = Annotated[str, Field(min_length=1, description="a text")]
Names = Annotated[list[str], Field(description="a list of names of files")]
# YAML reads the name 7 as a number.
ClassName = Annotated[str, BeforeValidator(lambda name: str(name) if type(name) is int else name)]


class Claim(Section):
    """A number that the data set's study states; which numbers there are is the study's business.

    Attributes:
        split: the part of the data that it is about, or None.
        net: the model that it is about, or None.
        metric: what is counted or measured.
        value: the number.
    """

    split: Annotated[
        Literal["train", "val", "test"] | None, Field(description="train, val or test")
    ] = None
    net: Text | None = None
    metric: Text
    value: Annotated[int | float, Field(description="a number")]

    @model_validator(mode="after")
    def _is_about_one_thing(self):
        if (self.split is None) == (self.net is None):
            raise ValueError("either split or net")
        return self


class Prepare(Section):
    """How the makers of a data set drew its pictures, light on black, so that others can be alike.

    Attributes:
        box: pixels of the longer side of what is drawn.
        centre: what lies in the middle of a picture: the centre of mass, or the box.
    """

    box: Count
    centre: Annotated[Literal["mass", "box"], Field(description="mass or box")]


class Entry(Section):
    """An entry.

    Attributes:
        name: its key in the file.
        title: for headings, such as "Fashion-MNIST".
        noun: what one image shows, in the singular.
        format: a module of `imagesets.formats`.
        sources: as `studykit.sources.fetch_files` takes them, in order.
        files: file name -> SHA-256; of the uncompressed content where the name has no `.gz`.
        train: names of the files with training images; by default all, where the files' insides
            tell training from test images.
        test: names of the files with test images.
        test_fraction: share of each class that is drawn for testing where nothing is marked so.
        test_seed: of that draw: it belongs to the data, so that no trial changes the test images.
        classes: names in the order of the labels.
        size: height and width in pixels, where the files do not tell or images are fitted to it.
        label: name or number of the column with the labels.
        header: whether the first line of a table names its columns.
        maximum: intensity of white; it becomes 255.
        prepare: for pictures of one's own that a trained model is asked about.
        licence, cite: of the data, for documents.
        claims: what the study states of this data set.
    """

    name: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$", description="a name")]
    title: Text
    noun: Text
    format: Literal["csv", "folder", "idx", "npz", "parquet"]
    sources: Annotated[list[str], Field(min_length=1, description="a list of at least one source")]
    files: Annotated[dict[str, Sha256], Field(min_length=1, description="files with their SHA-256")]
    train: Names = Field(default_factory=list)
    test: Names = Field(default_factory=list)
    test_fraction: Fraction | None = None
    test_seed: Seed = 0
    classes: Annotated[list[ClassName], Field(description="a list of names")]
    size: Annotated[
        list[Count] | None, Field(min_length=2, max_length=2, description="[height, width]")
    ] = None
    label: str | int | None = None
    header: bool = True
    maximum: Count = 255
    prepare: Prepare | None = None
    licence: str
    cite: str
    claims: list[Claim]

    @field_validator("classes")
    @classmethod
    def _differ(cls, classes):
        if len(set(classes)) < 2 or len(set(classes)) < len(classes):
            raise ValueError("at least two names, each once")
        return classes

    @field_validator("sources")
    @classmethod
    def _hold_no_login(cls, sources):
        if any("@" in urlsplit(source).netloc for source in sources):
            raise ValueError(
                "addresses without a login, which Git would keep: write it to ~/.netrc"
            )
        return sources

    @field_validator("train", "test")
    @classmethod
    def _are_files(cls, names, info):
        if unknown := [name for name in names if name not in info.data.get("files", names)]:
            raise ValueError(f"names of its files, without {', '.join(unknown)}")
        return names

    @property
    def train_files(self):
        """Names of the files that training images are read from."""
        return self.train or [name for name in self.files if name not in self.test]

    def where(self, key):
        """A key of the entry, for messages."""
        return f"{FILE}: {self.name}.{key}"


def find(name, path=FILE):
    """Read an entry.

    Args:
        name: of the data set.
        path: of the catalogue.

    Returns:
        Entry.

    Raises:
        UserError: there is no such entry, or a line for each of its mistakes.
    """
    entries = read_catalogue(path)
    if name not in entries:
        near = difflib.get_close_matches(name, entries, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UserError(
            f"params.yaml: data.name: expected a data set of {path} ({', '.join(entries)}), "
            f"received {name}{hint}"
        )
    return make_entry(name, entries[name], path)


def make_entry(name, values, path=FILE):
    """Check an entry's values; return the Entry.

    Raises:
        UserError: a line for each mistake.
    """
    if isinstance(values, dict):
        values = values | {"name": name}
    return check(Entry, values, path, within=[name])


def read_catalogue(path=FILE):
    """Read the file: name to unchecked values.

    Raises:
        UserError: it is not there, or holds something else.
    """
    entries = read(path)
    if not isinstance(entries, dict):
        raise UserError(f"{path}: expected data sets by name, received {entries!r:.60}")
    return {str(name): values for name, values in entries.items()}  # YAML reads 7 as a number
