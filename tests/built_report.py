"""The report of the committed results, built anew: what the stage reads is all in Git."""

import shutil
from contextlib import nullcontext

import pytest

from stages import report
from tests.tiny_study import ROOT

INPUTS = ("datasets.yaml", "params.yaml", "metrics", "plots", "replication")


def build_report(folder):
    """Run the stage `report` in a folder, on copies of the committed results, untracked.

    Args:
        folder: made where it is missing.

    Returns:
        folder.
    """
    for name in INPUTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    shutil.rmtree(folder / "plots" / "report", ignore_errors=True)
    (folder / "src").symlink_to(ROOT / "src")  # whose MD5 it compares
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(report, "run", lambda _: nullcontext())
        report.main()
    return folder
