"""The whole repository, small: a copy with real Git and DVC on a tiny synthetic MNIST."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml import YAML

from mnist_study import verdicts
from studykit.files import write_json
from studykit.params import read
from tests.tiny_mnist import write_tiny_mnist

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ("dvc.lock", "metrics/", "models/", "plots/")
ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "HOME": os.environ.get("HOME", "/"),
    "LANG": "C.UTF-8",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "DVC_NO_ANALYTICS": "1",
    # A server that is killed would leave its jobs' databases, half a megabyte, in /dev/shm.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


class TinyStudy:
    """A repository in a folder of its own.

    Attributes:
        root: its folder.
    """

    def __init__(self, root, **values):
        """Copy the project as it is in the working tree, shrink its parameters, and commit.

        Its repetitions with other seeds are the project's: of another study, as is recorded there.

        Args:
            root: a folder that does not exist yet; the data lie beside it.
            values: further parameters, as `section__key=value`.
        """
        self.root = Path(root)
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in listed.stdout.splitlines():
            if not name.startswith(RESULTS) and (ROOT / name).is_file():
                target = self.root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes((ROOT / name).read_bytes())
                target.chmod((ROOT / name).stat().st_mode)
        data = self.root.with_name(f"{self.root.name}-mnist")
        sha256 = write_tiny_mnist(data, num_train=300, num_test=100)
        self.set_data(sources=[str(data)], files=sha256)
        self.set_params(
            train_dense__epochs=2,
            train_cnn__epochs=1,
            train_cnn__filters=[4, 4, 4],
            evaluate__samples=8,
            evaluate__disturbed=8,
            **values,
        )
        project = read(ROOT / "params.yaml")
        write_json(self.root / verdicts.MEASURED_ON, verdicts.measured_on(project, ROOT))
        self("git init -q -b main")
        self.commit("tiny")

    def __call__(self, command, *, check=True, timeout=300, **environment):
        """Run a shell command in the repository; return it as completed, with its output."""
        completed = subprocess.run(
            command,
            shell=True,
            cwd=self.root,
            env=ENVIRONMENT | environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and completed.returncode:
            raise AssertionError(f"{command}\n{completed.stdout}\n{completed.stderr}")
        return completed

    def start(self, command, **environment):
        """Start a shell command in the repository, and go on; its standard output is a pipe."""
        return subprocess.Popen(
            command,
            shell=True,
            cwd=self.root,
            env=ENVIRONMENT | environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def copy(self, root):
        """A copy elsewhere, with DVC's cache but with a store that is still to be made."""
        twin = object.__new__(TinyStudy)
        twin.root = Path(root)
        shutil.copytree(self.root, twin.root, symlinks=True)
        for leftover in twin.root.glob("mlflow.db*"):
            leftover.unlink()
        shutil.rmtree(twin.root / "mlartifacts")
        return twin

    def set_params(self, **values):
        """Change parameters, given as `section__key=value`."""
        with edit_yaml(self.root / "params.yaml") as params:
            for name, value in values.items():
                section, key = name.split("__")
                params[section][key] = value

    def set_data(self, name="mnist", **values):
        """Change an entry of `datasets.yaml`."""
        with edit_yaml(self.root / "datasets.yaml") as entries:
            entries[name].update(values)

    def make(self, target, **options):
        """Run a make target here, with what this test runs with as if it were installed."""
        return self(f"make {target}", PATH=self.path_with_make(), **options)

    def path_with_make(self):
        """A PATH on which `make` takes what this test runs with as if it were installed here."""
        if not (self.root / ".venv").exists():
            (self.root / ".venv").symlink_to(sys.prefix)
        command = self.root / ".git/make/make"
        command.parent.mkdir(exist_ok=True)
        # Also the make of a recipe: `-o` is for one make alone.
        words = f"--no-print-directory -o .venv/installed -o .venv/developing -s MAKE={command}"
        command.write_text(f'#!/bin/sh\nexec {shutil.which("make")} {words} "$@"\n')
        command.chmod(0o755)
        return f"{command.parent}{os.pathsep}{ENVIRONMENT['PATH']}"

    def commit(self, message):
        self("git add -A")
        self(f"git commit -qm '{message}'")

    def read(self, path):
        return (self.root / path).read_text(encoding="utf-8")

    def write(self, path, text):
        """Write a file, given by its path in the repository."""
        (self.root / path).write_text(text, encoding="utf-8")


class Clone(TinyStudy):
    """Another clone: what is in Git, and nothing else.

    Args:
        origin: a TinyStudy or a path; what is committed there is cloned.
        root: a folder that does not exist yet.
    """

    def __init__(self, origin, root):
        self.root = Path(root)
        origin = origin.root if isinstance(origin, TinyStudy) else origin
        subprocess.run(["git", "clone", "-q", origin, root], check=True, env=ENVIRONMENT)


@contextmanager
def edit_yaml(path):
    """A file's content, to be changed in a block; comments stay."""
    yaml = YAML()
    content = yaml.load(Path(path))
    yield content
    yaml.dump(content, Path(path))
