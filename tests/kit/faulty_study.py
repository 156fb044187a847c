"""A study of one stage with DVC, Git and a store of its own, in which faults are injected."""

import subprocess
import sys

from tests.kit.mini_study import MiniStudy
from tests.tiny_study import ENVIRONMENT

CODE = """
import os
from studykit.errors import UserError, command
from studykit.files import write_json, write_text
from studykit.params import read
from studykit.tracking.run import run

def main():
    rate = read("params.yaml")["rate"]
    with run("one") as tracked:
        tracked.log_epoch({"epoch": 1, "val/loss": 0.5})
        exec(os.environ.get("FAULT", ""))
        write_text("made/out.txt", f"made with {rate}")
        write_json("metrics.json", {"rate": rate})

command(main)
"""
PIPELINE = """
stages:
  one:
    cmd: python -m studykit.start stages.one
    params: [rate]
    outs: [made]
    metrics:
      - metrics.json: {cache: false}
"""
STUDYKIT = "name: mini\ncommand: studykit\n"


class FaultyStudy(MiniStudy):
    """The study; the variable FAULT holds code that its stage runs in the midst of its work."""

    def __init__(self, root, studykit=STUDYKIT):
        super().__init__(root, CODE, studykit)
        self.write("dvc.yaml", PIPELINE)
        self.write("params.yaml", "rate: 1\n")
        self.write(".gitignore", "__pycache__\n/mlflow.db*\n/mlartifacts\n/src\n/s\n")
        self.shell("git init -q -b main && dvc init -q && dvc config core.analytics false")
        self.shell("git add -A && git commit -qm first")

    def shell(self, command, *, check=True, **environment):
        """Run a shell command here; return it as completed, with its output."""
        variables = {"PYTHONPATH": str(self.root / "src"), "MLFLOW_DISABLE_TELEMETRY": "true"}
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.root,
            env=ENVIRONMENT | variables | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def kit(self, words, **options):
        """Run a command of the kit."""
        return self.shell(f"{sys.executable} -m studykit.cli {words}", **options)

    def repro(self, **options):
        """Run the pipeline, and commit what it made where it has ended well."""
        done = self.shell("dvc repro", **options)
        if done.returncode == 0:
            self.shell("git add -A && git commit -qm results --allow-empty")
        return done
