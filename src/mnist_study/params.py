"""The whole of `params.yaml`, a field a section.

It is checked before a stage starts. No stage imports this module: each takes the sections that it
needs from where they are described, so that a new net's section makes no other net stale.
"""

from typing import Any

from pydantic import ValidationInfo, create_model, field_validator, model_validator

from mnist_study.data.params import Data, Fetch, Preprocess
from mnist_study.report.params import Report
from mnist_study.scores.params import Evaluate
from mnist_study.study import MODULES
from mnist_study.training.params import Compute
from studykit.compare.settings import DiffSettings
from studykit.errors import UserError
from studykit.params import Section, read
from studykit.versions import version_of


class Libraries(Section):
    """The libraries whose version can change a number or a drawing: as they are installed."""

    keras: str
    matplotlib: str
    numpy: str
    pillow: str
    scipy: str
    tensorflow: str

    @field_validator("*")
    @classmethod
    def _is_installed(cls, version, info: ValidationInfo):
        installed = version_of(info.field_name or "")
        if version != installed:
            raise ValueError(f"{installed}, the version that is installed")
        return version


class Fixed(Section):
    """The sections that are there whichever nets there are."""

    data: Data
    fetch: Fetch
    preprocess: Preprocess
    evaluate: Evaluate
    report: Report
    diff: DiffSettings
    compute: Compute
    libraries: Libraries

    @model_validator(mode="after")
    def _has_stages_for_all_nets(self):
        """Tell what `dvc.yaml` lacks for a net now, and not when it has been trained."""
        check_stages(read("dvc.yaml")["stages"])
        return self


def check_stages(stages):
    """Check that `dvc.yaml` trains, scores and reports each net.

    Args:
        stages: of the file, as it is written there.

    Raises:
        UserError: something is not declared that there would be.
    """
    for net in MODULES:
        model, history = f"models/{net}.keras", f"plots/train_{net}/history.csv"
        metrics = f"metrics/val/{net}.json"
        for stage, key, needed in (
            (f"train_{net}", "outs", [model, history]),
            (f"train_{net}", "metrics", [metrics]),
            ("evaluate", "deps", [model, history]),
            ("report", "deps", [history, metrics]),
            ("report", "params", [f"train_{net}"]),
        ):
            items = stages.get(stage, {}).get(key, [])
            declared = {each for item in items for each in ([item] if str is type(item) else item)}
            if lacking := [each for each in needed if each not in declared]:
                raise UserError(
                    f"dvc.yaml: {stage}.{key}: expected {lacking[0]}, received none; "
                    f"src/mnist_study/nets/{net}.py is a net of the study"
                )


# The file: `train_NET` describes itself in the net's module.
_TRAINED: dict[str, Any] = {f"train_{net}": (module.Params, ...) for net, module in MODULES.items()}
Params = create_model("Params", __base__=Fixed, **_TRAINED)
