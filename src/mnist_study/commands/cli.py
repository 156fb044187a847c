"""The command `mnist-study`: the kit's subcommands, and the study's own."""

from studykit import cli

DESCRIPTIONS = {
    "claims": "Print the verdict on each claim, and what it rests on.",
    "data": "Add a data set of your own to datasets.yaml.",
    "replicate": "Train all nets with other seeds, and collect what came of it.",
}
COMMANDS = {name: (f"mnist_study.commands.{name}", text) for name, text in DESCRIPTIONS.items()}


def main(words=None):
    """Run a subcommand.

    Args:
        words: the command line after `mnist-study`; the process's own by default.
    """
    cli.main(words, program="mnist-study", extra=COMMANDS)
