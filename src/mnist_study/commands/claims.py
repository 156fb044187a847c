"""`mnist-study claims`: the verdict on each claim, and what it rests on.

The exit status is 0 where every claim is reproduced, and 3 where one is not.
"""

from mnist_study.params import Params
from mnist_study.verdicts import read_decided
from studykit.params import load

NOT_REPRODUCED = 3


def add_arguments(parser):
    """Describe the command line."""
    parser.epilog = "Exit status: 0 every claim is reproduced, 3 one is not."


def run(arguments):
    """Print a line a claim; return the exit status."""
    # Whichever versions of the libraries are installed: nothing is computed here.
    schemas = {key: field.annotation for key, field in Params.model_fields.items()}
    load(**{key: schema for key, schema in schemas.items() if key != "libraries"})
    decided, differences = read_decided()
    if not decided:
        print("There are no claims on this data set, so there are no verdicts.")
        return 0
    for verdict in decided.values():
        print(f"{describe(verdict)}: {verdict['verdict']}")
    for difference in differences:
        print(f"The seeds are of another study, so this run decides: {difference}.")
    held = all(verdict["verdict"] == "reproduced" for verdict in decided.values())
    return 0 if held else NOT_REPRODUCED


def describe(verdict):
    """A claim with its measurement, in words.

    Args:
        verdict: dict, as verdicts.decide returns it.
    """
    form = verdict["form"].format
    measured, low, high = (form(verdict[key]) for key in ("measured", "low", "high"))
    interval = "exact" if verdict["exact"] else f"{low} to {high}"
    over = f"{verdict['seeds']} seeds" if verdict["seeds"] else "one run"
    return f"{verdict['statement']}: {measured} ({interval}, {over})"
