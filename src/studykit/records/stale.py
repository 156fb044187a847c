"""Which results of a revision are not those of its code: the command `stale`.

`dvc.lock` says what each stage last read and wrote. That is held against what `dvc.yaml` declares,
and against files and parameters, as `dvc status` does for the working tree; so a commit is judged
without a checkout, the data or the models.
"""

from studykit.errors import UserError
from studykit.records.contents import MISSING, UNKNOWN, Contents
from studykit.records.lock import Lock
from studykit.records.parameters import Parameters, full_name
from studykit.records.pipeline import Pipeline
from studykit.records.revisions import resolve

MEND = "dvc repro && git add . && git commit"
SHOWN = 5  # reasons of a stage
REFUSED = 2  # the exit status of a user's mistake: 1 says that results are stale


def add_arguments(parser):
    """Describe the command line."""
    parser.add_argument(
        "revision", nargs="?", default="HEAD", metavar="REVISION",
        help="a branch, tag, commit, DVC experiment or `workspace`; default: %(default)s",
    )  # fmt: skip


def run(arguments):
    """Print the stages whose results are stale; the exit status is 1 if there are any."""
    revision = resolve(arguments.revision)
    if not Pipeline.of(revision.tree).stages:
        raise UserError(f"{revision.label}: expected a dvc.yaml with stages, found none")
    stale = stale_stages(revision)
    for stage, reasons in stale.items():
        more = f" and {len(reasons) - SHOWN} more" if reasons[SHOWN:] else ""
        print(f"{stage}: {', '.join(reasons[:SHOWN])}{more}")
    if stale:
        print(f"These results of {revision.label} are not those of its code; mend it: {MEND}")
    return int(bool(stale))


def stale_stages(revision):
    """Hold `dvc.lock` against `dvc.yaml`, the files and the parameters of a revision.

    Not judged are inputs outside the file system, that a stage always runs, and data that are
    missing from the workspace but not from `dvc.lock`.

    Returns:
        dict: stage to the reasons why its results are stale, in the order of `dvc.yaml`; without
            the stages that are not.

    Raises:
        UserError: `dvc.yaml`, `dvc.lock` or a file of parameters is wrong.
    """
    pipeline = Pipeline.of(revision.tree)
    lock = Lock.of(revision.tree, pipeline)
    deps = (path for stage in pipeline.stages.values() for path in stage.deps)
    revision.tree.md5s({*deps, *pipeline.outs})  # of a commit: all files by one process
    contents = Contents(revision.tree, pipeline, lock)
    parameters = Parameters(revision.tree)
    reasons = {
        name: list(_reasons(stage, lock.stages.get(name), contents, parameters))
        for name, stage in pipeline.stages.items()
    }
    return {stage: found for stage, found in reasons.items() if found}


def _reasons(stage, locked, contents, parameters):
    if locked is None:
        yield "never run"
        return
    if stage.cmd != locked.cmd:
        yield "another command"
    if not stage.is_frozen:
        yield from _changed_params(stage, locked, parameters)
        yield from _changed_files(stage.deps, locked.deps, contents)
    yield from _changed_files([out.path for out in stage.outs], locked.outs, contents)


def _changed_params(stage, locked, parameters):
    values = parameters.of_stage(stage)
    for file, keys in stage.params.items():
        names = [full_name(file, key) for key in keys]
        if not keys:  # the file as a whole: what it holds, and what it held
            held = [full_name(file, key) for key in parameters.file(file)]
            prefix = full_name(file, "")
            names = [*held, *(n for n in locked.params if n.startswith(prefix) and n not in held)]
        for name in names:
            if name not in values:
                yield f"{name} is missing"
            elif name not in locked.params:
                yield f"{name} is new"
            elif values[name] != locked.params[name]:
                yield f"{name} changed"


def _changed_files(paths, locked, contents):
    for path in paths:
        if path not in locked:
            yield f"{path} is new"
        elif "://" not in path:
            md5 = contents.md5(path)
            if md5 == MISSING:
                yield f"{path} is missing"
            elif md5 not in (UNKNOWN, locked[path]):
                yield f"{path} changed"
