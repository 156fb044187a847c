"""A clone of the project to measure in: HEAD, with the data at hand and nothing else."""

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
DVC = (sys.executable, "-m", "dvc")


class Clone:
    """A repository in a folder of its own.

    Attributes:
        root: its folder.
    """

    def __init__(self, root):
        self.root = Path(root)

    def __call__(self, *words, check=True, **environment):
        """Run a command there; return it as completed, with its output."""
        completed = subprocess.run(
            words,
            cwd=self.root,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            check=False,
        )
        if check and completed.returncode:
            raise RuntimeError(f"{' '.join(words)}\n{completed.stdout}\n{completed.stderr}")
        return completed

    def environment(self, **variables):
        """This process's, with the clone's own library, and a tracking store of its own."""
        left_out = ("MLFLOW_TRACKING_URI", "RAY_ADDRESS", "OMP_NUM_THREADS")
        kept = {key: value for key, value in os.environ.items() if key not in left_out}
        named = {f"GIT_{who}_{what}": "benchmark@example.org"
                 for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}  # fmt: skip
        path = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        return kept | named | path | {"PYTHONPATH": str(self.root / "src")} | variables

    def set_params(self, **values):
        """Change parameters, given as `section__key=value`."""
        yaml = YAML()
        path = self.root / "params.yaml"
        params = yaml.load(path)
        for name, value in values.items():
            section, key = name.split("__")
            params[section][key] = value
        yaml.dump(params, path)

    def set_sources(self, sources):
        """Change where MNIST comes from."""
        yaml = YAML()
        path = self.root / "datasets.yaml"
        entries = yaml.load(path)
        entries["mnist"]["sources"] = sources
        yaml.dump(entries, path)

    def commit(self):
        self("git", "add", "--all")
        self("git", "commit", "--quiet", "--message", "benchmark")


@contextmanager
def clone(data, **values):
    """Clone HEAD to a temporary folder, with an empty cache and no results.

    Args:
        data: folder of the four files, which `fetch` reads.
        values: further parameters, as `section__key=value`.

    Yields:
        Clone, with all of that committed.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        made = Clone(Path(folder) / "clone")
        subprocess.run(["git", "clone", "--quiet", ROOT, made.root], check=True)
        made.set_params(**values)
        made.set_sources([str(data)])
        (made.root / "dvc.lock").unlink()
        made.commit()
        yield made
