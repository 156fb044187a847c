"""The command `mnist-study`: the kit's subcommands, netserve's, and the study's own."""

from studykit import cli

COMMANDS = {
    "claims": ("mnist_study.commands.claims", "Print each claim's verdict, and what it rests on."),
    "data": ("mnist_study.commands.data", "Add a data set of your own to datasets.yaml."),
    "export": ("netserve.export", "Write a net in another format, checked against Keras."),
    "predict": ("netserve.predict", "Say what the nets read in pictures of your own."),
    "replicate": ("mnist_study.commands.replicate", "Train all nets with other seeds; sum it up."),
}


def main(words=None):
    """Run a subcommand, by the words after `mnist-study`: the process's own by default."""
    cli.main(words, program="mnist-study", extra=COMMANDS)
