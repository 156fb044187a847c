"""The command `mnist-study`: a module a subcommand, imported only when it is asked for."""

import argparse
import sys
from importlib import import_module

from studykit.errors import command

# Module in this package: what the subcommand of that name is for. The module has
# `add_arguments(parser)`, and `run(arguments)`, which returns the exit status.
COMMANDS = {
    "diff": (
        "studykit.compare.diff",
        "Say what a change did to the results, and whether it was more than noise.",
    ),
    "lineage": (
        "studykit.tracking.lineage",
        "List the MLflow runs of a DVC revision, or the DVC revisions of an MLflow run.",
    ),
    "replicate": (
        "mnist_study.commands.replicate",
        "Train both nets with other seeds, and collect what came of it.",
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
    "verify": (
        "studykit.compare.verify",
        "Run the whole pipeline again in a clone, and compare every byte.",
    ),
}


def main(words=None):
    """Run a subcommand.

    Args:
        words: the command line after `mnist-study`; the process's own by default.
    """
    words = sys.argv[1:] if words is None else words
    parser = argparse.ArgumentParser("mnist-study", description="Work with the study's results.")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module_name, purpose) in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=purpose, description=purpose)
        if name in words[:1]:
            module = import_module(module_name)
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    arguments = parser.parse_args(words)
    command(lambda: sys.exit(arguments.run(arguments)))


if __name__ == "__main__":
    main()
