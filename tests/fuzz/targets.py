"""What is fuzzed: every parser and reader, as a function of bytes, with inputs to begin from.

A target either returns or raises UserError. Any other exception, a hang, or memory beyond the
bound of `tests/fuzz/__main__.py` is a fault.
"""

import io
import json
import os
import re
import socket
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from studykit.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
_folder = tempfile.TemporaryDirectory(prefix="fuzz-")  # as long as this process lives
SCRATCH = Path(_folder.name)
NOWHERE = open(os.devnull, "w")  # noqa: SIM115  # for as long


@dataclass(frozen=True)
class Target:
    """A parser or reader.

    Attributes:
        run: function of bytes.
        seeds: inputs that are right, which are changed to make others.
        longest: bytes of an input that atheris makes.
    """

    run: Callable[[bytes], object]
    seeds: list[bytes]
    longest: int = 4096


def documented(target, content):
    """Run a target on an input; a UserError is what it is to say of a wrong one.

    Raises:
        Exception: whatever else it raises, which is a fault.
    """
    with warnings.catch_warnings(action="ignore"), suppress(UserError):
        said, sys.stderr = sys.stderr, NOWHERE
        try:
            target.run(content)
        finally:
            sys.stderr = said


@cache
def _held():
    """Its class, of a module that atheris is to import."""
    from studykit.records.trees import Tree

    class Held(Tree):
        def __init__(self, files):
            self._held = files

        def read(self, path):
            return self._held.get(path)

        def paths(self, folder):
            return []

        def is_folder(self, path):
            return False

        def describe(self, path):
            return path

        def _file_md5s(self, paths):
            return {path: "a" * 32 for path in paths if path in self._held}

    return Held


def files(contents):
    """A Tree of files by path that are on no disk."""
    return _held()(contents)


def yaml(content):
    from studykit.documents import parse_yaml
    from studykit.dotted import flatten

    json.dumps(flatten(parse_yaml(content, "a file")), default=str)


def as_json(content):
    from studykit.compare import parsing
    from studykit.documents import plain

    values = parsing.metric_parser("a.json")(content, "a file")
    json.dumps(plain(values), allow_nan=False)
    parsing.numbers(values, "a", "a file")


def toml(content):
    from studykit.compare import parsing

    parsing.numbers(parsing.metric_parser("a.toml")(content, "a file"), "a", "a file")


def claims(content):
    from studykit.compare import parsing

    [claim["verdict"] for claim in parsing.claims(content, "a file").values()]


def origins(content):
    from studykit.compare.machines import describe_machine
    from studykit.records.origins import ORIGINS, read

    for origin in read(files({ORIGINS.as_posix(): content})).values():
        describe_machine(origin)


def predictions(content):
    from studykit.compare import metrics, models, parsing

    table = parsing.predictions(content, "a file")
    metrics.correct(table)
    models.confusions(table, table)


def history(content):
    from studykit.compare import models, parsing

    table = parsing.history(content, "a file")
    models.validation_metrics(table, table)


def examples(content):
    from studykit.compare import parsing

    parsing.examples(content)


def shapes(content):
    from studykit.tracking.store import shapes

    shapes.npz_arrays(io.BytesIO(content))
    shapes.keras_shapes(io.BytesIO(content))


def pipeline(content):
    from tests.fuzz import seeds

    _stale(content, seeds.LOCK)


def templates(content):
    _stale(content, b"")


def variables(content):
    """The files of the variables and of the settings of templates."""
    from studykit.records.pipeline import Pipeline
    from tests.fuzz import seeds

    declared = {"dvc.yaml": seeds.TEMPLATES.replace(b"params.yaml", b"other.yaml")}
    common = declared | {"params.yaml": seeds.PARAMETERS, "other.yaml": seeds.PARAMETERS}
    for path in ("other.yaml", ".dvc/config"):
        with suppress(UserError):
            Pipeline.of(files(common | {path: content}))


def lock(content):
    from tests.fuzz import seeds

    _read_lock(_tree(seeds.DVC_YAML, content), _pipeline_of_seed())


@cache
def _pipeline_of_seed():
    from studykit.records.pipeline import Pipeline
    from tests.fuzz import seeds

    return Pipeline.of(_tree(seeds.DVC_YAML, b""))


def parameters(content):
    from studykit.records.pipeline import Pipeline
    from tests.fuzz import seeds

    tree = files({"dvc.yaml": seeds.TEMPLATED, "params.yaml": content})
    _records(tree, Pipeline.of(tree))


def checked(content):
    from mnist_study.params import Params
    from studykit.documents import parse_yaml
    from studykit.params import check

    check(Params, parse_yaml(content, "params.yaml"))


def told(content):
    from studykit.study import load_study

    (SCRATCH / "studykit.yaml").write_bytes(content)
    study = load_study(SCRATCH)
    study.registry_for(_parameters())
    study.headlines(["evaluate.a.test.accuracy"])
    for kind in type(study.outputs).model_fields:
        study.outputs.match(kind, "models/a.keras")


@cache
def _parameters():
    from studykit.documents import parse_yaml

    return parse_yaml((ROOT / "params.yaml").read_bytes(), "params.yaml")


def catalogue(content):
    from imagesets.catalogue import find, make_entry, read_catalogue

    (SCRATCH / "datasets.yaml").write_bytes(content)
    for name, values in read_catalogue(SCRATCH / "datasets.yaml").items():
        make_entry(name, values)
    with suppress(UserError):
        find("nothing", SCRATCH / "datasets.yaml")


def assignments(content):
    from studykit.trials.trials import grid

    for overrides in grid([content.decode("utf-8", "surrogateescape")]):
        json.dumps(overrides, default=str)


def trial_file(content):
    from studykit.trials.trials import lines

    (SCRATCH / "trials.txt").write_bytes(content)
    lines(SCRATCH / "trials.txt")


def picture(content):
    from imagesets.sizes import decode, make_alike

    image = decode(content, "a picture")
    make_alike(image, size=(8, 8), colour=False, fit=True, where="a picture")


def drawing(content):
    """A picture of one's own, that a net is asked about."""
    from netserve.pictures import PictureError
    from netserve.preparation import Recipe, prepare

    for recipe in (Recipe((28, 28), 1, 20), Recipe((8, 8), 3)):
        with suppress(PictureError):
            prepare(content, recipe)


def fork_request(content):
    from studykit.warm import fork_server

    here, there = socket.socketpair()
    with here, there:
        there.sendall(content[:100_000])
        there.shutdown(socket.SHUT_WR)
        _, files = fork_server._receive_request(here)
        for file in files:
            os.close(file)


def fork_answer(content):
    from studykit.warm import forking

    status = forking._wait(io.StringIO(content.decode("utf-8", "replace")))
    assert status is None or isinstance(status, int)


def tracker_messages(content):
    import queue

    from studykit.tracking import tracker

    events: queue.SimpleQueue = queue.SimpleQueue()
    here, there = socket.socketpair()
    with here:
        with there:
            there.sendall(content[:100_000])
        tracker._receive(here, events)
    while events.get() != tracker.END_OF_INPUT:
        pass


def tracker_answers(content):
    from studykit.tracking import run

    stage = object.__new__(run.Run)
    here, there = socket.socketpair()
    with here:
        with there:
            there.sendall(content[:100_000])
        stage._tracker, stage._messages = here, here.makefile(encoding="utf-8", errors="replace")
        stage._trouble = None
        stage._wait_for("done")
        stage._messages.close()


def reader(kind, name, **keys):
    """A target that reads a file as a data set of a format, and one that adds it."""

    @cache
    def entry():
        from imagesets.catalogue import make_entry

        values = {
            "title": "Own", "noun": "image", "format": kind, "sources": ["none"],
            "files": {name: "a" * 64}, "classes": ["0", "1"],
            "licence": "", "cite": "", "claims": [], "test_fraction": 0.5,
        }  # fmt: skip
        return make_entry("own", values | keys)

    def run(content):
        from imagesets import formats, images

        folder = SCRATCH / kind
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        try:
            images.read(folder, entry(), fit=True)
        finally:
            formats.module(kind).guess(folder, [name])

    return run


def idx(content):
    """The labels are right; the images are fuzzed, and then read as labels, too."""
    from imagesets.formats import idx
    from tests.fuzz import seeds

    folder = SCRATCH / "idx"
    folder.mkdir(exist_ok=True)
    (folder / "images").write_bytes(content)
    (folder / "labels").write_bytes(seeds.idx_labels())
    entry = type("Entry", (), {"where": staticmethod(str), "test": []})
    for pair in (["images", "labels"], ["labels", "images"]):
        entry.train = pair
        with suppress(UserError):
            idx.read(folder, entry, False)
    idx.guess(folder, ["images", "labels"])


def _stale(declared, locked):
    from studykit.records.pipeline import Pipeline

    tree = _tree(declared, locked)
    pipeline = Pipeline.of(tree)
    if locked:
        _read_lock(tree, pipeline)
    _records(tree, pipeline)
    pipeline.needed_by()


def _tree(declared, locked):
    from tests.fuzz import seeds

    return files(
        {
            "dvc.yaml": declared,
            "dvc.lock": locked,
            "params.yaml": seeds.PARAMETERS,
            "other.json": b'{"y": 1}',
            "whole.yaml": b"z: [1]",
        }
    )


def _read_lock(tree, pipeline):
    from studykit.records.lock import Lock

    held = Lock.of(tree, pipeline)
    held.in_order()
    json.dumps(held.md5s)


def _records(tree, pipeline):
    from studykit.records.parameters import Parameters
    from studykit.records.stages import StageRecord

    values = Parameters(tree)
    for stage in pipeline.stages.values():
        record = StageRecord(stage.name, values.of_stage(stage), {}, {}, open=lambda path: None)
        assert len(record.key) == 32


def all_targets():
    """Every Target by its name."""
    from tests.fuzz import seeds

    def project(name):
        """A file of the project, without comments: the shorter, the more inputs a second."""
        return [re.sub(rb"(?m)^\s*#.*\n|\s+# .*$", b"", (ROOT / name).read_bytes())]

    return {
        "yaml": Target(yaml, [*project("params.yaml"), seeds.YAML]),
        "json": Target(as_json, project("metrics/val/cnn.json")),
        "toml": Target(toml, [b"[a]\nb = 1\nc = 1979-05-27\n"]),
        "claims": Target(claims, project("plots/evaluate/claims.json")),
        "origins": Target(origins, project("models/origins.json")),
        "predictions": Target(predictions, [b"label,prediction,confidence\n1,1,0.5\n2,1,0.25\n"]),
        "history": Target(history, project("plots/train_cnn/history.csv")),
        "examples": Target(examples, [seeds.npz(x=seeds.images(), index=np.arange(4))]),
        "shapes": Target(shapes, [seeds.npz(x=seeds.images(), y=np.arange(4)), seeds.keras()]),
        "pipeline": Target(pipeline, [seeds.DVC_YAML]),
        "templates": Target(templates, [seeds.TEMPLATES]),
        "variables": Target(variables, [seeds.PARAMETERS, b"[parsing]\nbool = boolean_optional\n"]),
        "lock": Target(lock, [seeds.LOCK]),
        "parameters": Target(parameters, [seeds.PARAMETERS]),
        "checked": Target(checked, project("params.yaml")),
        "told": Target(told, project("studykit.yaml")),
        "catalogue": Target(catalogue, [seeds.CATALOGUE]),
        "assignments": Target(assignments, seeds.ASSIGNMENTS),
        # A millisecond a word: hundreds of lines find no more than a few.
        "trial_file": Target(trial_file, [b"# trials\n" + b"\n".join(seeds.ASSIGNMENTS[:2])], 256),
        "picture": Target(picture, seeds.pictures()),
        "drawing": Target(drawing, seeds.drawings()),
        "idx": Target(idx, [seeds.idx_images(), seeds.idx_labels()]),
        "csv": Target(reader("csv", "a.csv"), [seeds.csv()]),
        "npz": Target(reader("npz", "a.npz"), [seeds.image_set()]),
        "zip": Target(reader("folder", "a.zip"), [seeds.zipped()]),
        "tar": Target(reader("folder", "a.tar"), [seeds.tarred()]),
        "parquet": Target(reader("parquet", "a.parquet", label="label"), [seeds.parquet()]),
        "fork_request": Target(fork_request, [b'\n{"words": ["a"], "folder": "/"}\n']),
        "fork_answer": Target(fork_answer, [b"ended 0\n", b"ended -9\n"]),
        "tracker_messages": Target(tracker_messages, [seeds.EVENTS]),
        "tracker_answers": Target(tracker_answers, [seeds.ANSWERS]),
    }  # fmt: skip
