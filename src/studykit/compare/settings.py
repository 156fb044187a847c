"""What a comparison calls more than noise: the section `diff` of `params.yaml`."""

from typing import Annotated

from pydantic import Field, FiniteFloat, ValidationError, model_validator

from studykit.errors import UserError
from studykit.study import Described

SECTION = "diff"
# Each constraint says in words what it expects: that text is the error message's.
Margin = Annotated[FiniteFloat | None, Field(ge=0, description="a number of at least 0")]


class Tolerance(Described):
    """How far a metric may move: by a number, or by a share of what it was."""

    absolute: Margin = None
    relative: Margin = None

    @model_validator(mode="after")
    def _has_one(self):
        if (self.absolute is None) == (self.relative is None):
            raise ValueError("either absolute or relative")
        return self


class DiffSettings(Described):
    """The section.

    Attributes:
        significance: of all tests on accuracy together.
        threshold: a loss of accuracy below it passes, however significant it is.
        images: drawn at most, of each model and kind, of those that one revision gets right alone.
        tolerances: of the metrics that no test covers, by pattern of their names; the first that
            fits counts, and where none fits, every change is pointed out.
    """

    significance: Annotated[FiniteFloat, Field(gt=0, lt=1, description="a number in (0, 1)")] = 0.05
    threshold: Annotated[FiniteFloat, Field(ge=0, lt=1, description="a number in [0, 1)")] = 0.001
    images: Annotated[int, Field(ge=0, description="a whole number of at least 0")] = 12
    tolerances: dict[str, Tolerance] = Field(default_factory=dict)


def settings_of(revision):
    """Read and check the section of a revision's `params.yaml`.

    Returns:
        DiffSettings; those by default where there is no such section.

    Raises:
        UserError: a line for each mistake: where, what was expected, what was received.
    """
    section = revision.params().get(SECTION, {})
    try:
        return DiffSettings.model_validate(section)
    except ValidationError as invalid:
        lines = (f"params.yaml: {_explain(error)}" for error in invalid.errors())
        raise UserError("\n".join(lines)) from None


def _explain(error):
    """One line of pydantic's account: where, expected, received."""
    loc = error["loc"]
    where = ".".join((SECTION, *map(str, loc)))
    schema = Tolerance if len(loc) > 1 else DiffSettings
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key, expected one of {', '.join(schema.model_fields)}"
    field = schema.model_fields.get(str(loc[-1])) if loc else None
    if error["type"] == "value_error":
        expected = str(error["ctx"]["error"])
    elif field is not None and field.description:
        expected = field.description
    else:
        expected = "keys with values"
    return f"{where}: expected {expected}, received {error['input']!r}"
