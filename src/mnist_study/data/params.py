"""The parameters of the stages that make the data: fetch and preprocess."""

from typing import Annotated

from pydantic import Field, field_validator

from studykit.params import Fraction, NonNegative, Positive, Section, Seed, Sha256

KINDS = ("images-idx3", "labels-idx1")
FILES = {f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in KINDS}


class Fetch(Section):
    """The section fetch."""

    sources: Annotated[list[str], Field(min_length=1, description="a list of at least one source")]
    timeout: Positive
    retries: NonNegative
    sha256: dict[str, Sha256]

    @field_validator("sha256")
    @classmethod
    def _names_the_four_files(cls, sha256):
        if set(sha256) != FILES:
            raise ValueError(f"the keys {', '.join(sorted(FILES))}")
        return sha256


class Preprocess(Section):
    """The section preprocess."""

    val_fraction: Fraction
    seed: Seed
