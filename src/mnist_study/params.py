"""The whole of `params.yaml`, a field a section.

It is checked before a stage starts. No stage imports this module: each takes the sections that it
needs from where they are described, so that a new net's section makes no other net stale.
"""

from importlib import metadata

from pydantic import ValidationInfo, field_validator

from mnist_study.data.params import Data, Fetch, Preprocess
from mnist_study.nets import cnn, dense
from mnist_study.report.params import Report
from mnist_study.scores.params import Evaluate
from mnist_study.training.params import Compute
from studykit.compare.settings import DiffSettings
from studykit.params import Section


class Libraries(Section):
    """The libraries whose version can change a number or a drawing: as they are installed."""

    keras: str
    matplotlib: str
    numpy: str
    scipy: str
    tensorflow: str

    @field_validator("*")
    @classmethod
    def _is_installed(cls, version, info: ValidationInfo):
        installed = metadata.version(info.field_name or "")
        if version != installed:
            raise ValueError(f"{installed}, the version that is installed")
        return version


class Params(Section):
    """The file."""

    data: Data
    fetch: Fetch
    preprocess: Preprocess
    train_dense: dense.Params
    train_cnn: cnn.Params
    evaluate: Evaluate
    report: Report
    diff: DiffSettings
    compute: Compute
    libraries: Libraries
