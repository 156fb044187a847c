"""What `diff` calls more than noise: the section `diff` of the parameters."""

from typing import Annotated

from pydantic import Field, FiniteFloat, model_validator

from studykit.params import Fraction, NonNegative, Section, Share

Margin = Annotated[FiniteFloat | None, Field(ge=0, description="a number of at least 0")]


class Tolerance(Section):
    """How far a metric may move: by a number, or by a share of what it was."""

    absolute: Margin = None
    relative: Margin = None

    @model_validator(mode="after")
    def _has_one(self):
        if (self.absolute is None) == (self.relative is None):
            raise ValueError("either absolute or relative")
        return self


class DiffSettings(Section):
    """The section diff.

    Attributes:
        significance: of all tests on accuracy together.
        threshold: accuracy; a smaller loss passes, however significant.
        images: examples that one revision gets right and the other wrong, shown at most of each.
        tolerances: of the metrics that no test covers, by pattern; the first that fits counts.
    """

    significance: Fraction = 0.05
    threshold: Share = 0.001
    images: NonNegative = 12
    tolerances: dict[str, Tolerance] = Field(default_factory=dict)
