"""The command `mnist-study`: the kit's subcommands, and the study's own."""

from studykit import cli

COMMANDS = {
    "claims": (
        "mnist_study.commands.claims",
        "Print the verdict on each claim, and what it rests on.",
    ),
    "data": (
        "mnist_study.commands.data",
        "Add a data set of your own to datasets.yaml.",
    ),
    "replicate": (
        "mnist_study.commands.replicate",
        "Train both nets with other seeds, and collect what came of it.",
    ),
}


def main(words=None):
    """Run a subcommand.

    Args:
        words: the command line after `mnist-study`; the process's own by default.
    """
    cli.main(words, program="mnist-study", extra=COMMANDS)
