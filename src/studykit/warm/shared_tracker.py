"""A tracker for all stages of a DVC process: `python -m studykit.warm.shared_tracker DVC ADDRESS`.

It is a companion, since to import MLflow and to open a store takes longer than to log.
"""

import os
import sys
from pathlib import Path

from studykit.tracking.tracker import Tracker
from studykit.warm import companions


def main():
    dvc, address = sys.argv[1], Path(sys.argv[2])
    tracker = Tracker()
    for stage in companions.clients(dvc, address):
        if not tracker.serve(stage):
            address.unlink(missing_ok=True)  # the next stage is to start another one


if __name__ == "__main__":
    main()
    # All is written: to take MLflow apart would take longer than to log.
    os._exit(0)
