"""What the kit is told of a study: `studykit.yaml` at the repository's root, and nothing else."""

import re
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from studykit.documents import parse_yaml
from studykit.dotted import look_up
from studykit.errors import UserError
from studykit.files import read_bytes

FILE = "studykit.yaml"
PARAMETER = re.compile(r"\$\{([\w.-]+)\}")  # as DVC's templates name one
WORD = re.compile(r"\{([a-z]+)\}")  # in a pattern of names: it stands for any part of one


class Described(BaseModel):
    """A part of the file: no unknown key, no conversion between types, no change later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Headline(NamedTuple):
    """A metric that summaries show.

    Attributes:
        title: what to call it.
        model: whose it is, or None.
        column: what to call it in a table with a row per model.
    """

    title: str
    model: str | None
    column: str


class Outputs(Described):
    """Which outputs are what: paths, in which `{model}` or `{split}` stands for any name.

    Attributes:
        models: trained models; each is registered in MLflow.
        predictions: tables with the columns label, prediction and confidence, a row per test
            example, always in the same order: what paired tests need.
        histories: tables with a row per epoch: the column epoch, and one per metric.
        data: data sets that stages read; `.npz` files with the arrays x and y.
        examples: `.npz` file with the arrays x, images, and index, their rows in `predictions`.
        claims: JSON file: claim to a dict with `claimed`, `measured` and `verdict`.
        test_metrics: JSON files, one a model; or, without `{model}`, one file: model to its
            metrics. A model's training run shows them, too.
        figures: figures of a model, which its training run shows, too: files, with `*` for any
            part of a name, or folders of them.
        documents: pages and texts for people, which their run shows even where only DVC's cache
            holds them.
    """

    models: str | None = None
    predictions: str | None = None
    histories: str | None = None
    data: str | None = None
    examples: str | None = None
    claims: str | None = None
    test_metrics: str | None = None
    figures: str | None = None
    documents: str | None = None

    def match(self, kind, path):
        """The name that a path has as an output of a kind, or None where it is none."""
        pattern = getattr(self, kind)
        if pattern is None:
            return None
        words = re.split(r"(\{\w+\}|\*)", pattern)
        wild = {"{": "([^/]+?)", "*": "[^/]*"}
        regex = "".join(wild.get(word[:1]) or re.escape(word) for word in words)
        found = re.fullmatch(f"{regex}(?:/.+)?" if kind == "figures" else regex, path)
        return found and (found[1] if found.groups() else path)

    def path(self, kind, name):
        """The path of an output of a kind and a name, or None where the study has no such kind."""
        pattern = getattr(self, kind)
        return pattern and re.sub(r"\{\w+\}", lambda _: name, pattern)


class Preload(Described):
    """What is imported once, in a process that stages are then forked from.

    Attributes:
        modules: to import, by full name; they bring what is large.
        later: those that later stages need besides: imported while the first fork runs.
        without: packages that those would import for something that this study does not use.
        stages: modules of the stages that import the same: they wait until it is done.
        ahead: modules of stages that run before those, and import little: they begin it, and go on.
    """

    modules: list[str] = []
    later: list[str] = []
    without: list[str] = []
    stages: list[str] = []
    ahead: list[str] = []


class Study(Described):
    """All of the file.

    Attributes:
        name: of MLflow's experiment.
        description: of MLflow's experiment, in a sentence or two.
        registry: what the names of registered models and data sets in MLflow begin with: best the
            name of the data, also by a parameter, `${dotted.key}`. The study's name by default.
        libraries: packages whose versions each run in MLflow notes.
        command: what users type; messages advise it.
        params: `module:Class` of the pydantic model that `params.yaml` is checked by.
        accuracy: what the name of a training stage's metric ends with that models compete by, the
            accuracy on validation: dotted, with `{model}` for the model's name.
        headline: the metrics that summaries of many runs show, the decisive one first: name (the
            file's, then its keys, with dots between) to title. `{model}` stands for any name.
            More is better. NAME_low and NAME_high, or else `low` and `high` beside it, where there
            are such, are its interval.
        renamed: metrics of older commits: old name to new name. A word in braces stands for any
            part of a name; the rules are applied one after the other.
        last_stage: the last one that a sweep's trial runs, where none is named.
        seeds: what seeds are for, by name: the dotted keys of parameters that are set to them.
        outputs: which outputs are what.
        serving: module that loads the models in MLflow, by its `_load_pyfunc`. Its `facts(values)`
            gives what else that needs, from all parameters; its REQUIREMENTS name packages.
        preload: what is imported once for many stages; only to save time.
    """

    name: str
    description: str = ""
    registry: str | None = None
    libraries: list[str] = []
    command: str = "studykit"
    params: Annotated[str | None, Field(pattern=r"^[\w.]+:\w+$")] = None
    accuracy: str = "val.accuracy"
    headline: dict[str, str] = {}
    renamed: dict[str, str] = {}
    last_stage: str | None = None
    seeds: dict[str, list[str]] = {}
    outputs: Outputs = Outputs()
    serving: Annotated[str | None, Field(pattern=r"^[\w.]+$")] = None
    preload: Preload = Preload()

    @field_validator("headline", "renamed")
    @classmethod
    def _can_be_matched(cls, patterns):
        for old, new in patterns.items():
            words = WORD.findall(old)
            if len({*words}) < len(words) or not {*WORD.findall(new)} <= {*words}:
                raise ValueError(f"{old}: expected each word in braces once, and those of {new!r}")
        return patterns

    def registry_for(self, values):
        """`registry`, with the values of the parameters that it names; free of marks.

        Args:
            values: all of `params.yaml`.
        """

        def value(match):
            return str(look_up(values, match[1], default=self.name))

        return re.sub(r"[/:'\"]", "_", PARAMETER.sub(value, self.registry or self.name))

    def headlines(self, metrics):
        """Those of the given metrics that summaries show, in the order of `headline`.

        Args:
            metrics: names.

        Returns:
            dict: name to title.
        """
        return {name: found.title for name, found in self.headlines_by_model(metrics).items()}

    def headlines_by_model(self, metrics):
        """The same: name to Headline."""
        found = {}
        for pattern, title in self.headline.items():
            column = " ".join(title.replace("{model}", "").split())
            for name in metrics:
                if match := _regex(pattern).fullmatch(name):
                    model = match.groupdict().get("model")
                    found[name] = Headline(title.replace("{model}", model or ""), model, column)
        return found

    def may_be_headline(self, prefix):
        """Whether `headline` names metrics of a file, now or once; `dotted.metric_prefix` of it."""
        parts = prefix.count(".") + 1
        firsts = (each.split(".")[:parts] for each in (*self.headline, *self.renamed))
        return any(_regex(".".join(first)).fullmatch(prefix) for first in firsts)

    def by_present_name(self, metrics):
        """Values by the names of metrics, those of older commits by what they are called now."""
        return {self._present_name(name): value for name, value in metrics.items()}

    def _present_name(self, name):
        for old, new in self.renamed.items():
            if match := _regex(old).fullmatch(name):
                name = match.expand(WORD.sub(r"\\g<\1>", new))
        return name

    @property
    def parameters_of_registry(self):
        """The parameters that `registry` names."""
        return PARAMETER.findall(self.registry or "")

    @cached_property
    def all_seeds(self):
        """Every parameter that is a seed."""
        return list(dict.fromkeys(key for keys in self.seeds.values() for key in keys))


@cache
def _regex(pattern):
    """A pattern of a name, in which each word in braces stands for any part."""
    return re.compile(re.sub(r"\\\{([a-z]+)\\\}", r"(?P<\1>[^.]+)", re.escape(pattern)))


def load_study(root="."):
    """Read what the kit is told of the study.

    Args:
        root: of the repository.

    Returns:
        Study; without a file, one that is named after the folder.

    Raises:
        UserError: a line for each mistake.
    """
    path = Path(root, FILE)
    if not path.exists():
        return Study(name=Path(root).resolve().name)
    try:
        return Study.model_validate(parse_yaml(read_bytes(path), FILE))
    except ValidationError as invalid:
        lines = (
            f"{FILE}: {'.'.join(map(str, error['loc'])) or 'the file'}: {error['msg']}"
            for error in invalid.errors()
        )
        raise UserError("\n".join(lines)) from None
