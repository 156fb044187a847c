"""A study of one stage that needs no large library, with a copy of the kit of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.tiny_study import ENVIRONMENT, ROOT

START = "python -m studykit.start stages.one"


class MiniStudy:
    """A folder with a stage; it is no repository.

    Attributes:
        root: the folder.
    """

    def __init__(self, root, code, studykit="name: mini\n"):
        """Write the study.

        Args:
            root: a folder that does not exist yet.
            code: of the script `stages/one.py`.
            studykit: of `studykit.yaml`.
        """
        self.root = Path(root)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "src/studykit", self.root / "src/studykit", ignore=ignored)
        (self.root / "stages").mkdir()
        self.write("stages/one.py", code)
        self.write("studykit.yaml", studykit)
        self.edit("src/studykit/warm/companions.py", "/tmp/studykit-{user}", str(self.sockets))

    @property
    def sockets(self):
        """The folder of the sockets of its companions."""
        return self.root / "s"

    def write(self, path, text):
        (self.root / path).write_text(text, encoding="utf-8")

    def edit(self, path, before, after):
        """Replace a text in a file, where it must occur."""
        text = (self.root / path).read_text(encoding="utf-8")
        assert before in text
        self.write(path, text.replace(before, after))

    def __call__(self, command=START, **environment):
        """Run a command below a shell that is, by its name, what DVC is to a stage."""
        with self.start(command, **environment) as process:
            process.said, process.warned = process.communicate(timeout=60)
        return process

    def start(self, command=START, **environment):
        return subprocess.Popen(
            ["bash", "-c", f"{command}; exit $?", "dvc"],
            cwd=self.root,
            env=ENVIRONMENT | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def by_hand(self, *words, **environment):
        """Run a stage without DVC."""
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.root,
            env=ENVIRONMENT | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
