"""The parameters of `params.yaml`, checked before anything slow is imported."""

import difflib
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from mnist_study.data.mnist import IMAGE_SIZE
from studykit.errors import UserError

# Each constraint says in words what it expects: that text is the error message's.
Count = Annotated[int, Field(ge=1, description="a whole number of at least 1")]
Counts = Annotated[list[Count], Field(description="a list of whole numbers of at least 1")]
NonNegative = Annotated[int, Field(ge=0, description="a whole number of at least 0")]
Seed = Annotated[int, Field(ge=0, lt=2**32, description="a whole number in [0, 2**32)")]
Positive = Annotated[FiniteFloat, Field(gt=0, description="a number above 0")]
Fraction = Annotated[FiniteFloat, Field(gt=0, lt=1, description="a number in (0, 1)")]
Margin = Annotated[FiniteFloat | None, Field(ge=0, description="a number of at least 0")]
Dropout = Annotated[FiniteFloat, Field(ge=0, lt=1, description="a number in [0, 1)")]
Switch = Annotated[bool, Field(description="true or false")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="64 hexadecimal digits")]
Activation = Literal["elu", "gelu", "leaky_relu", "relu", "selu", "sigmoid", "silu", "tanh"]
InstructionSet = Literal["ALL", "AVX512_CORE", "AVX2", "AVX", "SSE41"]  # as oneDNN calls them
Backend = Literal["tensorflow", "jax", "torch"]  # as Keras calls them
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
    shards: Count
    jit_compile: Switch
    epochs: Count

    @field_validator("shards")
    @classmethod
    def _leaves_each_an_image(cls, shards, info: ValidationInfo):
        if shards > info.data.get("batch_size", shards):
            raise ValueError(f"at most batch_size, {info.data['batch_size']}")
        return shards


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


class Tolerance(Section):
    """How far a metric may move: by a number, or by a share of what it was."""

    absolute: Margin = None
    relative: Margin = None

    @model_validator(mode="after")
    def _has_one(self):
        if (self.absolute is None) == (self.relative is None):
            raise ValueError("either absolute or relative")
        return self


class Diff(Section):
    significance: Fraction
    threshold: Annotated[FiniteFloat, Field(ge=0, lt=1, description="a number in [0, 1)")]
    images: NonNegative
    tolerances: dict[str, Tolerance]


class Compute(Section):
    backend: Backend
    seed: Seed
    deterministic: Switch
    instruction_set: InstructionSet
    steps_per_execution: Count


class Libraries(Section):
    """The libraries whose version can change a number or a drawing: as installed, or not at all.

    JAX and PyTorch need not be there, unless they are to train.
    """

    jax: str
    keras: str
    matplotlib: str
    numpy: str
    scipy: str
    tensorflow: str
    torch: str

    @field_validator("*")
    @classmethod
    def _is_installed(cls, version, info: ValidationInfo):
        library = info.field_name or ""
        if library not in (info.context or {}).get("unused", ()):
            _check_version(library, version)
        return version


def _check_version(library, version):
    try:
        installed = metadata.version(library).partition("+")[0]  # PyTorch's says what it is for
    except metadata.PackageNotFoundError:
        raise ValueError(f"it to be installed: pip install '.[{library}]'") from None
    if version != installed:
        raise ValueError(f"{installed}, the version that is installed")


class Params(Section):
    """The whole file, a field a section."""

    fetch: Fetch
    preprocess: Preprocess
    train_dense: TrainDense
    train_cnn: TrainCnn
    evaluate: Evaluate
    report: Report
    diff: Diff
    compute: Compute
    libraries: Libraries

    def versions(self):
        """Version by library: of Keras' backends, TensorFlow, which scores, and what trains."""
        return self.libraries.model_dump(exclude=_unused(self.compute.backend))


def _unused(backend):
    """The libraries that nothing is computed with."""
    return {name for name in get_args(Backend) if name not in ("tensorflow", backend)}


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
        received = YAML(typ="safe").load(Path(path))
    except FileNotFoundError:
        raise UserError(f"{path}: expected in the current folder, the repository's root") from None
    except YAMLError as error:
        raise UserError(
            f"{path}: expected YAML, received: {' '.join(str(error).split())}"
        ) from None
    return check(received, path)


def check(received, path="params.yaml"):
    """Check all parameters.

    Args:
        received: what the file holds.
        path: the file, for messages.

    Returns:
        Params.

    Raises:
        UserError: a line for each mistake: where, what was expected, what was received.
    """
    try:
        return Params.model_validate(received, context={"unused": _unused(_backend(received))})
    except ValidationError as invalid:
        errors = invalid.errors()
        misspelt = {_meant(error["loc"]) for error in errors if error["type"] == "extra_forbidden"}
        lines = [
            f"{path}: {_explain(error)}"
            for error in errors
            if not (error["type"] == "missing" and error["loc"] in misspelt)  # said once already
        ]
        raise UserError("\n".join(lines)) from None


def _backend(received):
    """The backend that is asked for, in parameters that are not checked yet."""
    try:
        return received["compute"]["backend"]
    except (KeyError, TypeError):
        return None


def _explain(error):
    """One line of pydantic's account: where, expected, received."""
    where = ".".join(str(key) for key in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        if meant := _meant(error["loc"]):
            return f"{where}: unknown key, did you mean {meant[-1]}?"
        known = ", ".join(_section(error["loc"]).model_fields)
        return f"{where}: unknown key, expected one of {known}"
    if error["type"] == "missing":
        return f"{where}: expected a value, received none"
    if error["type"] == "value_error":
        expected = str(error["ctx"]["error"])
    elif error["type"] == "model_type":
        expected = "keys with values"
    else:
        expected = _description(error["loc"]) or error["msg"].partition(" should ")[2]
        expected = expected.removeprefix("be ")
    return f"{where}: expected {expected}, received {error['input']!r}"


def _section(loc):
    """The innermost section that a location lies in."""
    section: type[Section] = Params
    for key in loc[:-1]:
        field = section.model_fields.get(key)
        if field is None:
            break
        kind = (get_args(field.annotation) or [field.annotation])[-1]  # of a dict, its values'
        if not isinstance(kind, type(Section)):
            break
        section = kind
    return section


def _description(loc):
    """What the field at a location expects, or what each item of it does."""
    fields = _section(loc).model_fields
    if loc[-1] in fields:
        return fields[loc[-1]].description
    if len(loc) > 1 and loc[-2] in fields:
        item = get_args(fields[loc[-2]].annotation)[-1]  # of list[item] or dict[str, item]
        return FieldInfo.from_annotation(item).description
    return None


def _meant(loc):
    """The location that an unknown key's is a misspelling of, or None."""
    near = difflib.get_close_matches(str(loc[-1]), _section(loc).model_fields, n=1)
    return (*loc[:-1], near[0]) if near else None
