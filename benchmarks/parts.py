"""Where the time of a DVC command goes, part by part, from the clocks in its processes."""

import json
import time
from collections import Counter
from pathlib import Path

CLOCK = Path(__file__).with_name("clock")
TRAINING = "training"


def timed_parts(clone, folder, *words):
    """Run a DVC command in a clone, watched by benchmarks/clock.

    Args:
        clone: Clone.
        folder: an empty one, for the clocks.
        words: the command.

    Returns:
        dict: seconds by part; together they are the time from the command to the prompt.
    """
    folder.mkdir()
    path = f"{CLOCK}:{clone.root / 'src'}"
    began = time.perf_counter()
    clone(*words, CLOCK=str(folder), PYTHONPATH=path)
    whole = time.perf_counter() - began
    clocks = [json.loads(file.read_text()) for file in folder.iterdir()]
    return add_up(whole, clocks)


def add_up(whole, clocks):
    """Put the clocks of DVC and of its stages together.

    What DVC waited for a stage and the stage's own clocks, of its process and of its fork, did not
    see is its interpreter's start and end. What DVC did not wait for a stage is DVC's.

    Args:
        whole: seconds from the command to the prompt.
        clocks: what each process has written.
    """
    stages = sum(clock["seconds"].get("stages", 0) for clock in clocks)
    parts = Counter()
    for clock in clocks:
        if clock["process"] != "dvc":
            parts.update(clock["seconds"])
    del parts["forked"]  # which is what a process has waited for its fork
    parts["interpreter and imports"] += stages - parts.total()
    parts["DVC"] = whole - stages
    return dict(parts.most_common())
