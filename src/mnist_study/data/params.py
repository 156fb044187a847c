"""The parameters of the stages that make the data: fetch and preprocess."""

from typing import Annotated, Literal

from pydantic import Field

from studykit.params import Fraction, NonNegative, Positive, Section, Seed


class Data(Section):
    """The section data."""

    name: Annotated[str, Field(min_length=1, description="the name of a data set in datasets.yaml")]
    sizes: Literal["refuse", "fit"]


class Fetch(Section):
    """The section fetch."""

    timeout: Positive
    retries: NonNegative


class Preprocess(Section):
    """The section preprocess."""

    val_fraction: Fraction
    seed: Seed
