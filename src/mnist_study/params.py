"""The parameters of `params.yaml`, checked before anything slow is imported."""

import difflib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from mnist_study.errors import UserError
from mnist_study.mnist import IMAGE_SIZE

# Each constraint says in words what it expects: that text is the error message's.
Count = Annotated[int, Field(ge=1, description="a whole number of at least 1")]
Counts = Annotated[list[Count], Field(description="a list of whole numbers of at least 1")]
NonNegative = Annotated[int, Field(ge=0, description="a whole number of at least 0")]
Seed = Annotated[int, Field(ge=0, lt=2**32, description="a whole number in [0, 2**32)")]
Positive = Annotated[FiniteFloat, Field(gt=0, description="a number above 0")]
Fraction = Annotated[FiniteFloat, Field(gt=0, lt=1, description="a number in (0, 1)")]
Dropout = Annotated[FiniteFloat, Field(ge=0, lt=1, description="a number in [0, 1)")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="64 hexadecimal digits")]
Activation = Literal["elu", "gelu", "leaky_relu", "relu", "selu", "sigmoid", "silu", "tanh"]
Optimizer = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]


class Section(BaseModel):
    """A section of the file: no unknown key, no conversion between types, no change later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Fetch(Section):
    sources: Annotated[list[str], Field(min_length=1, description="a list of at least one source")]
    timeout: Positive
    retries: NonNegative
    sha256: dict[str, Sha256]

    @field_validator("sha256")
    @classmethod
    def _names_the_four_files(cls, sha256):
        expected = {
            f"{part}-{kind}-ubyte"
            for part in ("train", "t10k")
            for kind in ("images-idx3", "labels-idx1")
        }
        if set(sha256) != expected:
            raise ValueError(f"the keys {', '.join(sorted(expected))}")
        return sha256


class Preprocess(Section):
    val_fraction: Fraction
    seed: Seed


class Training(Section):
    """What the training of any net needs."""

    activation: Activation
    optimizer: Optimizer
    learning_rate: Positive
    batch_size: Count
    epochs: Count


class TrainDense(Training):
    hidden_layers: Count
    units: Count


class TrainCnn(Training):
    filters: Annotated[Counts, Field(min_length=1)]
    pool_size: Count
    kernel_sizes: Counts
    units: Count
    dropout: Dropout

    @field_validator("kernel_sizes")
    @classmethod
    def _fits_its_input(cls, kernel_sizes, info: ValidationInfo):
        if not {"filters", "pool_size"} <= set(info.data):
            return kernel_sizes  # those have errors of their own
        if len(kernel_sizes) != len(info.data["filters"]):
            raise ValueError(f"as many as filters, {len(info.data['filters'])}")
        size = IMAGE_SIZE
        for layer, kernel_size in enumerate(kernel_sizes, start=1):
            if kernel_size > size:
                raise ValueError(f"a kernel within its input, {size} × {size} at layer {layer}")
            size = (size - kernel_size + 1) // info.data["pool_size"]
            if size == 0:
                raise ValueError(f"an image left after pooling by pool_size at layer {layer}")
        return kernel_sizes


class Claims(Section):
    train_images: Count
    test_images: Count
    dense_accuracy: Fraction
    cnn_accuracy: Fraction
    dense_overfit_epoch: Count


class Evaluate(Section):
    confidence: Fraction
    samples: Count
    seed: Seed
    calibration_bins: Count
    claims: Claims


class Report(Section):
    errors: Count
    confident_errors: Count
    disagreements: Count


class Compute(Section):
    seed: Seed
    threads: Count
    deterministic: bool
    steps_per_execution: Count


class Params(Section):
    """The whole file, a field a section."""

    fetch: Fetch
    preprocess: Preprocess
    train_dense: TrainDense
    train_cnn: TrainCnn
    evaluate: Evaluate
    report: Report
    compute: Compute


def load(path="params.yaml"):
    """Read and check all parameters.

    Args:
        path: a YAML 1.2 file, as DVC reads it: `1e-3` is a number.

    Returns:
        Params.

    Raises:
        UserError: a line for each mistake: where, what was expected, what was received.
    """
    try:
        received = YAML(typ="safe", pure=True).load(Path(path))
    except FileNotFoundError:
        raise UserError(f"{path}: expected in the current folder, the repository's root") from None
    except YAMLError as error:
        raise UserError(
            f"{path}: expected YAML, received: {' '.join(str(error).split())}"
        ) from None
    try:
        return Params.model_validate(received)
    except ValidationError as invalid:
        lines = [f"{path}: {_explain(error)}" for error in invalid.errors()]
        raise UserError("\n".join(lines)) from None


def _explain(error):
    """One line of pydantic's account: where, expected, received."""
    where = ".".join(str(key) for key in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(error['loc'])}"
    if error["type"] == "missing":
        return f"{where}: expected a value, received none"
    if error["type"] == "value_error":
        expected = str(error["ctx"]["error"])
    else:
        expected = _description(error["loc"]) or error["msg"].partition(" should ")[2]
        expected = expected.removeprefix("be ")
    return f"{where}: expected {expected}, received {error['input']!r}"


def _section(loc):
    """The innermost section that a location lies in."""
    section: type[Section] = Params
    for key in loc[:-1]:
        field = section.model_fields.get(key)
        if field is None or not isinstance(field.annotation, type(Section)):
            break
        section = field.annotation
    return section


def _description(loc):
    """What the field at a location expects, or the field that holds it."""
    for key in reversed(loc):
        if field := _section(loc).model_fields.get(key):
            return field.description
    return None


def _nearest(loc):
    known = list(_section(loc).model_fields)
    near = difflib.get_close_matches(str(loc[-1]), known, n=1)
    return f", did you mean {near[0]}?" if near else f", expected one of {', '.join(known)}"
