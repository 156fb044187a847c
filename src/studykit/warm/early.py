"""Start the fork server while DVC prepares an experiment: `python -m studykit.warm.early`.

`dvc.pth` has DVC do so at the beginning of `dvc exp run`. When DVC comes to the first stage, most
of what is large is imported.
"""

import os
from contextlib import suppress

from studykit import start
from studykit.records.root import enter_root


def main():
    """As the first stage would, in its folder; whatever is wrong here, DVC or that stage tells."""
    with suppress(Exception):
        enter_root()
        os.environ["DVC_ROOT"] = os.getcwd()
        start.prefer_code_beside()
        from studykit.study import load_study  # of the code beside
        from studykit.warm import companions, forking

        if load_study().preload.stages and forking.can_fork():
            server, _ = companions.connect("studykit.warm.fork_server")
            server.close()


if __name__ == "__main__":
    main()
