"""Remotes in S3 and by SSH, as docs/team.md sets them up: against a server on this machine."""

import getpass
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.kit.small_pipeline import write
from tests.processes import answers, free_port, wait_until
from tests.tiny_study import ENVIRONMENT, ROOT

pytestmark = pytest.mark.slow
GUIDE = (ROOT / "docs/team.md").read_text("utf-8")
# Where packages beside those of the lock are, if they are anywhere.
PACKAGES = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
KEYS = {
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "us-east-1",
}
SSHD = shutil.which("sshd", path=f"{ENVIRONMENT['PATH']}{os.pathsep}/usr/sbin")


def needs(*modules):
    """Skip the test where a package is missing that no lock has."""
    for module in modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install 'moto[server]' '.[s3,ssh]'")


@contextmanager
def serving(command, port, folder):
    """A server as long as a block lasts."""
    with open(folder / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, env=ENVIRONMENT | PACKAGES, stdout=log, stderr=log, cwd=folder
        )
        try:
            wait_until(lambda: answers(port))
            yield
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def run(tmp_path):
    """Run a command in a repository that tracks a file, and give its output."""
    root = tmp_path / "project"
    write(root / "data.txt", "data\n")

    def run_here(command, *, check=True, **environment):
        done = subprocess.run(
            command, shell=True, cwd=root, env=ENVIRONMENT | PACKAGES | environment,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done

    run_here("git init -q && dvc init -q && dvc add -q data.txt")
    return run_here


def push_and_pull(run, remote, replaced, **environment):
    """Do what the guide shows, and bring back what is gone here."""
    (block,) = re.findall(rf"<!-- {remote} -->\n```console\n(.*?)```", GUIDE, re.DOTALL)
    for shown, here in replaced.items():
        assert shown in block
        block = block.replace(shown, here)
    for command in re.findall(r"\$ (.*)", block):
        run(command, **environment)
    run("rm -r .dvc/cache data.txt")
    run("dvc pull", **environment)
    assert run("cat data.txt").stdout == "data\n"


def test_s3(run, tmp_path):
    needs("moto", "dvc_s3")
    port = free_port()
    environment = KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    bucket = "import boto3; boto3.client('s3').create_bucket(Bucket='bucket')"
    with serving([sys.executable, "-m", "moto.server", "-p", str(port)], port, tmp_path):
        run(f'{sys.executable} -c "{bucket}"', **environment)
        push_and_pull(run, "s3", {}, **environment)


def test_ssh(run, tmp_path):
    needs("dvc_ssh")
    if not SSHD:
        pytest.skip("sshd is not installed: Debian's openssh-server")
    port = free_port()
    for key in ("host", "key"):
        run(f"ssh-keygen -q -t ed25519 -N '' -f {tmp_path}/{key}")
    write(
        tmp_path / "config",
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {tmp_path}/host\nStrictModes no\n"
        f"AuthorizedKeysFile {tmp_path}/key.pub\nPasswordAuthentication no\n"
        f"Subsystem sftp internal-sftp\nPidFile none\n",
    )
    replaced = {
        "ann@data.example.org:22/srv": f"{getpass.getuser()}@127.0.0.1:{port}{tmp_path}",
        "~/.ssh/id_ed25519": f"{tmp_path}/key",
    }
    with serving([SSHD, "-D", "-e", "-f", str(tmp_path / "config")], port, tmp_path):
        push_and_pull(run, "ssh", replaced)
        assert "keyfile" not in run("cat .dvc/config").stdout
        run(f"rm -r .dvc/cache && ssh-keygen -q -t ed25519 -N '' -f {tmp_path}/other")
        run(f"dvc remote modify --local store keyfile {tmp_path}/other")
        assert "Permission denied" in run("dvc pull", check=False).stderr
