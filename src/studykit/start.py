"""Run a stage: `python -m studykit.start MODULE [WORD …]`, the command of a stage in `dvc.yaml`.

It does what `python -m MODULE` does, and before that what every stage needs: it uses the code
beside `dvc.yaml`, starts the tracker, checks all parameters and remembers what the stage begins
with.
"""

import os
import runpy
import sys
from contextlib import contextmanager
from importlib.util import find_spec

from studykit import watch
from studykit.errors import UserError, exit_on_user_error, one_line, print_anything, warn
from studykit.imports import pause_collector
from studykit.tracking import connection


def main(words):
    """Run a stage, in this process or a faster way.

    Args:
        words: full name of the stage's module, and its arguments.

    Raises:
        SystemExit: the stage has ended otherwise than well.
    """
    pause_collector()
    with _outputs_restored_on_failure(), exit_on_user_error():
        if not words:
            raise UserError("python -m studykit.start MODULE: expected a module, received none")
        watch.end_with_dvc()
        # warm: the only hook of the folder `warm`, which saves time and can be deleted.
        try:
            from studykit.warm import forking
        except ImportError:
            pass
        else:
            forking.run_in_fork(words)
        # warm: end of the hook.
        connection.prepare()
        run_here(words)


@contextmanager
def _outputs_restored_on_failure():
    """Bring back the outputs that DVC has removed before this stage, if the block fails."""
    try:
        yield
    except BaseException as failure:
        status = failure.code if isinstance(failure, SystemExit) else 1
        if isinstance(status, str):
            print(status, file=sys.stderr, flush=True)
            failure.code = 1  # type: ignore[attr-defined]
        if status and (stage := os.environ.get("DVC_STAGE", "").rpartition(":")[2]):
            _restore_outputs(stage)
        raise


def _restore_outputs(stage):
    from studykit.records.restore import restore_outputs  # only here: no good run needs it

    try:
        found, lacking = restore_outputs(stage)
    except Exception as error:  # whatever it is, the stage's own fault has been told
        warn(f"{stage}: the outputs of its last good run are not brought back: {one_line(error)}")
        return
    if found:
        print(f"{stage}: brought back from its last good run: {', '.join(found)}", file=sys.stderr)
    if lacking:
        warn(f"{stage}: not to be had of its last good run, as not committed: {', '.join(lacking)}")


def run_here(words):
    """Run a stage in this process; what it imports is imported without the garbage collector.

    Args:
        words: as of `main`.

    Raises:
        SystemExit: the stage has ended otherwise than well, or a parameter is wrong.
    """
    from studykit import params  # only here: a process that asks for a fork needs none of these
    from studykit.records import origins
    from studykit.records.trees import WorkingTree
    from studykit.study import load_study
    from studykit.tracking import fingerprint

    module = words[0]
    pause_collector()
    print_anything()
    with exit_on_user_error():
        fingerprint.prepare()
        params.check_all(load_study())
        origins.read(WorkingTree())  # which a stage that makes a model adds to at its end
        if not _exists(module):
            raise UserError(f"{module}: expected a module in the current folder, found none")
        sys.argv = list(words)
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _exists(module):
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is there a package of that name
        return False


def prefer_code_beside():
    """Import from `src` in the current folder and from that folder, not from where it is installed.

    DVC runs queued experiments in copies of the repository: each uses the code of its own copy.
    """
    folder = os.getcwd()
    source = os.path.join(folder, "src")
    sys.path[:] = dict.fromkeys([source, folder, *sys.path])
    if os.path.isdir(os.path.join(source, "studykit")):
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) or ""
            if name.partition(".")[0] == "studykit" and not file.startswith(source + os.sep):
                del sys.modules[name]


if __name__ == "__main__":
    prefer_code_beside()
    from studykit import start  # of the code beside, which need not be this file's

    start.main(sys.argv[1:])
