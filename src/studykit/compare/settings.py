"""What a comparison calls more than noise: the section `diff` of `params.yaml`."""

from typing import Annotated

from pydantic import Field, FiniteFloat, create_model, model_validator

from studykit.params import Fraction, NonNegative, Section, Share, check

SECTION = "diff"
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
    """The section.

    Attributes:
        significance: of all tests on accuracy together.
        threshold: a loss of accuracy below it passes, however significant it is.
        images: drawn at most, of each model and kind, of those that one revision gets right alone.
        tolerances: of the metrics that no test covers, by pattern of their names; the first that
            fits counts, and where none fits, every change is pointed out.
    """

    significance: Fraction = 0.05
    threshold: Share = 0.001
    images: NonNegative = 12
    tolerances: dict[str, Tolerance] = Field(default_factory=dict)


def settings_of(revision):
    """Read and check the section of a revision's `params.yaml`.

    Returns:
        DiffSettings; those by default where there is no such section.

    Raises:
        UserError: a line for each mistake: where, what was expected, what was received.
    """
    schema = create_model("Params", __base__=Section, diff=(DiffSettings, DiffSettings()))
    section = {key: value for key, value in revision.params().items() if key == SECTION}
    return check(schema, section).diff
