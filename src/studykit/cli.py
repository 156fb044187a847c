"""The command `studykit`: a module a subcommand, imported only when it is asked for.

A study may have a command of its own name, with the same subcommands and more: a function that
calls `main` with its `program` and `extra`.
"""

import argparse
import os
import shutil
import sys
from importlib import import_module
from pathlib import Path

from studykit.errors import (
    UserError,
    hide_passwords,
    machine_fault,
    print_anything,
    print_traceback,
)
from studykit.imports import resume_collector

# Name of the subcommand: its module, and what it is for. The module has `add_arguments(parser)`,
# and `run(arguments)`, which returns the exit status. It may say in REFUSED which exit status a
# user's mistake has, if not 1.
COMMANDS = {
    "diff": (
        "studykit.compare.diff",
        "Say what a change did to the results, and whether it was more than noise.",
    ),
    "lineage": (
        "studykit.tracking.lineage",
        "List the MLflow runs of a DVC revision, or the DVC revisions of an MLflow run.",
    ),
    "prune": (
        "studykit.prune.prune",
        "Remove experiments for good: from Git, from DVC's cache, and their runs from MLflow.",
    ),
    "runs": (
        "studykit.runs.runs",
        "List all runs that DVC and Git hold, or their configurations with means over seeds.",
    ),
    "stale": (
        "studykit.records.stale",
        "Say which results are not those of the code, and how to mend it.",
    ),
    "sweep": (
        "studykit.trials.sweep",
        "Run the study many times: with other seeds, a grid of values, or lines of a file.",
    ),
    "sync": ("studykit.tracking.sync", "Write to MLflow what DVC has and MLflow lacks."),
    "ui": ("studykit.tracking.ui", "Open MLflow's pages on the results, a row an experiment."),
    "verify": (
        "studykit.compare.verify",
        "Run the whole pipeline again in a clone, and compare every byte.",
    ),
}
CRASHED = 70  # EX_SOFTWARE of sysexits.h: no subcommand means anything by it
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
NO_READER = 141  # 128 + SIGPIPE


def main(words=None, *, program="studykit", extra=None):
    """Run a subcommand, and end the process with its exit status.

    Args:
        words: the command line after the program's name; the process's own by default.
        program: what users type.
        extra: subcommands beside COMMANDS, likewise.
    """
    words = sys.argv[1:] if words is None else words
    print_anything()
    _find_own_programs()
    commands = dict(sorted((COMMANDS | (extra or {})).items()))
    module = None
    try:
        if words and words[0] in commands:
            module = import_module(commands[words[0]][0])
        arguments = _parse(words, program, commands, module)
        resume_collector()
        status = _run(module, arguments)
    except SystemExit as ended:  # argparse's: a mistake in the words, or help was asked for
        status = ended.code
    except UserError as error:
        print(f"error: {hide_passwords(error)}", file=sys.stderr)
        status = getattr(module, "REFUSED", 1)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:
        status = NO_READER
    except Exception as error:
        if refused := machine_fault(error):
            print(f"error: {refused}", file=sys.stderr)
            status = getattr(module, "REFUSED", 1)
        else:
            print_traceback(type(error), error, error.__traceback__)
            status = CRASHED
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = NO_READER
    if status == NO_READER:
        # What is still buffered has no reader either; Python would complain of it at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _find_own_programs():
    """Have what this process starts find `python` and `dvc` where this Python is.

    The commands of stages and DVC's queue call them by these names, which lead nowhere or to others
    where the environment is not activated.
    """
    folder = Path(sys.executable).parent
    if Path(shutil.which("python") or "").parent != folder:
        path = os.environ.get("PATH", os.defpath)
        os.environ["PATH"] = f"{folder}{os.pathsep}{path}"


def _parse(words, program, commands, module):
    """The subcommand's arguments, and `started_in`: the folder that paths in them start from."""
    parser = argparse.ArgumentParser(program, description="Work with the study's results.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (_, purpose) in commands.items():
        subparser = subparsers.add_parser(name, help=purpose, description=purpose)
        if name in words[:1]:
            module.add_arguments(subparser)
    parser.set_defaults(started_in=os.getcwd())
    return parser.parse_args(words)


def _run(module, arguments):
    from studykit.records.root import enter_root

    enter_root()
    return module.run(arguments)


class _Version(argparse.Action):
    """Print the program's name and the version of the package that this kit is a part of."""

    def __call__(self, parser, *_):
        from importlib import metadata  # only here: it imports what reads e-mails

        packages = metadata.packages_distributions().get(__package__, ["studykit"])
        print(f"{parser.prog} {metadata.version(packages[0])}")
        parser.exit()


if __name__ == "__main__":
    main()
