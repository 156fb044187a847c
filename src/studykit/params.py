"""Check `params.yaml` by a schema: a mistake ends in one line, before anything slow is imported.

A line says where, what was expected and what was received. A schema is a pydantic model for each
section; what a field expects is said by its description, or by that of its type below.
"""

import difflib
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    create_model,
)
from pydantic.fields import FieldInfo

from studykit.documents import parse_yaml
from studykit.errors import UserError
from studykit.files import read_bytes

# Each constraint says in words what it expects: that text is the error message's.
Count = Annotated[int, Field(ge=1, description="a whole number of at least 1")]
Counts = Annotated[list[Count], Field(description="a list of whole numbers of at least 1")]
# What is walked through by recursion: Python ends that at a thousand calls.
Depth = Annotated[int, Field(ge=1, le=300, description="a whole number in [1, 300]")]
NonNegative = Annotated[int, Field(ge=0, description="a whole number of at least 0")]
Seed = Annotated[int, Field(ge=0, lt=2**32, description="a whole number in [0, 2**32)")]
Positive = Annotated[FiniteFloat, Field(gt=0, description="a number above 0")]
Fraction = Annotated[FiniteFloat, Field(gt=0, lt=1, description="a number in (0, 1)")]
Share = Annotated[FiniteFloat, Field(ge=0, lt=1, description="a number in [0, 1)")]
Switch = Annotated[bool, Field(description="true or false")]
Sha256 = Annotated[
    str,
    Field(pattern="^[0-9a-fA-F]{64}$", description="64 hexadecimal digits"),
    AfterValidator(str.lower),
]


class Section(BaseModel):
    """A section of the file: no unknown key, no conversion between types, no change later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def load(path="params.yaml", **schemas):
    """Read and check the sections that a stage needs.

    Args:
        path: a YAML 1.2 file, as DVC reads it: `1e-3` is a number.
        schemas: section to the type that describes it, such as a Section.

    Returns:
        An object with a checked attribute for each section.

    Raises:
        UserError: a line for each mistake.
    """
    received = read(path)
    received = {name: received[name] for name in schemas if name in received}
    fields: dict[str, Any] = {name: (schema, ...) for name, schema in schemas.items()}
    return check(create_model("Params", __base__=Section, **fields), received, path)


def check_values(study, values, path="params.yaml"):
    """Check all parameters by the schema that the study names; without one, take all.

    Args:
        study: Study.
        values: what the file holds, or would hold.
        path: the file, for messages.

    Raises:
        UserError: a line for each mistake, or there is no such schema.
    """
    if study.params is None:
        return
    check(import_named(study.params, "params"), values, path)


def import_named(text, key):
    """Import what a key of `studykit.yaml` names, also from the folder `src`.

    Args:
        text: `module`, or `module:Name` of something in it.
        key: the key, for messages.

    Raises:
        UserError: there is no such thing.
    """
    module, _, name = text.partition(":")
    source = str(Path("src").resolve())
    if Path(source).is_dir() and source not in sys.path:
        sys.path.insert(0, source)
    try:
        found = import_module(module)
        return getattr(found, name) if name else found
    except (ImportError, AttributeError) as error:
        expected = "a schema" if name else "a module"
        raise UserError(f"studykit.yaml: {key}: expected {expected}, received: {error}") from None


def check_all(study, path="params.yaml"):
    """Check the whole file, as `check_values` does."""
    if study.params is not None:
        check_values(study, read(path), path)


def read(path="params.yaml"):
    """Read the file.

    Raises:
        UserError: it is not there, not YAML, or holds no keys with values.
    """
    if not Path(path).exists():
        raise UserError(f"{path}: expected in the current folder, the repository's root")
    if values := parse_yaml(read_bytes(path), path):
        return values
    raise UserError(f"{path}: expected keys with values, received none")


def check(schema, received, path="params.yaml", *, within=()):
    """Check values by a schema.

    Args:
        schema: a pydantic model, a field a section.
        received: what the file holds.
        path: the file, for messages.
        within: keys of the file that lead to the values.

    Returns:
        An instance of the schema.

    Raises:
        UserError: a line for each mistake.
    """
    try:
        return schema.model_validate(received)
    except ValidationError as invalid:
        errors = invalid.errors()
        misspelt = {
            _meant(schema, error["loc"]) for error in errors if error["type"] == "extra_forbidden"
        }
        lines = [
            f"{path}: {_explain(schema, error, within)}"
            for error in errors
            if not (error["type"] == "missing" and error["loc"] in misspelt)  # said once already
        ]
        raise UserError("\n".join(lines)) from None


def _explain(schema, error, within):
    """One line of pydantic's account: where, expected, received."""
    where = ".".join(str(key) for key in (*within, *error["loc"])) or "the file"
    if error["type"] == "extra_forbidden":
        if meant := _meant(schema, error["loc"]):
            return f"{where}: unknown key, did you mean {meant[-1]}?"
        known = ", ".join(_section(schema, error["loc"]).model_fields)
        return f"{where}: unknown key, expected one of {known}"
    if error["type"] == "missing":
        return f"{where}: expected a value, received none"
    if error["type"] == "value_error":
        expected = str(error["ctx"]["error"])
    elif error["type"] == "model_type":
        expected = "keys with values"
    else:
        expected = _description(schema, error["loc"]) or error["msg"].partition(" should ")[2]
        expected = expected.removeprefix("be ")
    return f"{where}: expected {expected}, received {error['input']!r}"


def _section(schema, loc):
    """The innermost section that a location lies in."""
    section = schema
    for key in loc[:-1]:
        field = section.model_fields.get(key)
        if field is None:
            break
        kind = (get_args(field.annotation) or [field.annotation])[-1]  # of a dict, its values'
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            break
        section = kind
    return section


def _description(schema, loc):
    """What the field at a location expects, or what each item of it does."""
    fields = _section(schema, loc).model_fields
    if loc[-1] in fields:
        return fields[loc[-1]].description
    if len(loc) > 1 and loc[-2] in fields:
        item = get_args(fields[loc[-2]].annotation)[-1]  # of list[item] or dict[str, item]
        return FieldInfo.from_annotation(item).description
    return None


def _meant(schema, loc):
    """The location that an unknown key's is a misspelling of, or None."""
    near = difflib.get_close_matches(str(loc[-1]), _section(schema, loc).model_fields, n=1)
    return (*loc[:-1], near[0]) if near else None
