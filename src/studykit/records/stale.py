"""Which results of a revision are not those of its code.

`dvc.lock` says what each stage last read and wrote. Whatever of that is in Git is held against it,
as `dvc status` does for the working tree; so a commit is judged without a checkout, the data or the
models. `mnist-study stale` says so of a commit, and how to mend it.
"""

import hashlib

from studykit.records.revisions import resolve

MEND = "dvc repro && git add dvc.lock metrics plots models && git commit"


def add_arguments(parser):
    """Describe the command line of `mnist-study stale`."""
    parser.add_argument(
        "revision", nargs="?", default="HEAD", metavar="REVISION",
        help="a branch, tag, commit, DVC experiment or `workspace`; default: %(default)s",
    )  # fmt: skip


def run(arguments):
    """Print the stages whose results are stale; the exit status is 1 if there are any."""
    revision = resolve(arguments.revision)
    stale = stale_stages(revision)
    for stage, reasons in stale.items():
        print(f"{stage}: {', '.join(reasons)}")
    if stale:
        print(f"These results of {revision.label} are not those of its code; mend it: {MEND}")
    return int(bool(stale))


def stale_stages(revision):
    """Hold `dvc.lock` against the files and parameters that are in Git.

    Returns:
        dict: stage to the reasons why its results are stale; without the stages that are not.
    """
    declared = revision.pipeline().get("stages", {})
    lock, params = revision.lock(), revision.params()
    reasons = {stage: ["never run"] for stage in declared if not _is_locked(stage, lock)}
    for stage, locked in lock.items():
        reasons[stage] = list(_reasons(revision, declared.get(stage), locked, params))
    return {stage: found for stage, found in reasons.items() if found}


def _is_locked(stage, lock):
    """Whether a stage, or with `foreach` and `matrix` any of its kind, is in `dvc.lock`."""
    return any(locked.partition("@")[0] == stage for locked in lock)


def _reasons(revision, declared, locked, params):
    if declared and "cmd" in declared and declared["cmd"] != locked["cmd"]:
        yield "another command"
    deps = locked.get("deps", ())
    if declared and set(declared.get("deps", ())) != {dep["path"] for dep in deps}:
        yield "other inputs declared"
    for key, value in locked.get("params", {}).get("params.yaml", {}).items():
        if _look_up(params, key) != value:
            yield f"{key} changed"
    for file in (*deps, *locked.get("outs", ())):
        content = revision.read(file["path"])
        if content is not None and hashlib.md5(content).hexdigest() != file["md5"]:
            yield f"{file['path']} changed"


def _look_up(params, key):
    """The value at a dotted key, or None."""
    for part in key.split("."):
        params = params.get(part) if isinstance(params, dict) else None
    return params
