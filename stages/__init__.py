"""The stages of `dvc.yaml`, each run as `python -m stages.NAME` from the repository's root."""

import gc
import sys
from pathlib import Path

gc.disable()  # while a stage imports; errors.command turns it on

# DVC runs queued experiments in copies of the repository: each uses the library beside it, not the
# one that happens to be installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

if sys.argv[0] == "-m":  # as long as Python looks for the stage that it is to run
    from studykit import errors
    from studykit.tracking import live as tracking
    from studykit.warm import forking

    module = next((word for word in sys.orig_argv if word.startswith("stages.")), "")
    with errors.exit_on_user_error():
        tracking.get_ready()
        forking.run_elsewhere(module.removeprefix("stages."))
