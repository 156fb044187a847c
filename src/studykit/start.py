"""Start a stage: `python -m studykit.start stages.train_dense`."""

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path("src").resolve()))

if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
