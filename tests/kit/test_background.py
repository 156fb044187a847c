"""Half of a stage's work in a fork: the same is written, whatever becomes of the fork."""

import os
import signal
import subprocess
import sys
import time

import pytest

from studykit import background
from studykit.background import beside

FORKS = """
import os
from studykit.background import beside
here = os.getpid()
def task():
    {task}
with beside(task):
    {block}
print(open("written").read().split(), here)
"""
WRITE = 'open("written", "a").write(f"{os.getpid()} ")'


def run(folder, *, task=WRITE, block="pass", before=""):
    """Run a script of its own, as this process may have threads."""
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", before + FORKS.format(task=task, block=block)],
        cwd=folder, env=os.environ | one_thread, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def written(completed):
    """The process ids that tasks have written, and that of the process itself."""
    assert completed.stderr == ""
    words = completed.stdout.replace("'", "").strip().partition("] ")
    return words[0].strip("[").split(", "), words[2]


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")


@needs_linux
def test_a_task_is_done_in_a_fork_while_the_block_goes_on(tmp_path):
    wait = "while not os.path.exists('written'): pass"  # for ever, were it not done meanwhile
    (by,), here = written(run(tmp_path, block=wait))
    assert by != here


@needs_linux
@pytest.mark.parametrize("end", ["raise ValueError('in the fork')", "os.kill(os.getpid(), 9)"])
def test_what_fails_in_a_fork_is_done_once_more(tmp_path, end):
    fails = f"if os.getpid() != here: {end}"
    (by,), here = written(run(tmp_path, task=f"{fails}\n    {WRITE}"))
    assert by == here


def test_a_failure_that_the_fork_met_is_told_once(tmp_path):
    completed = run(tmp_path, task="raise ValueError('as it is')")
    assert completed.returncode == 1
    assert completed.stderr.count("ValueError: as it is") == 1


def test_a_process_with_threads_does_it_afterwards(tmp_path):
    thread = (
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    )
    unwritten = "assert not os.path.exists('written')"
    (by,), here = written(run(tmp_path, before=thread, block=unwritten))
    assert by == here


def test_where_there_is_no_fork_it_is_done_afterwards(monkeypatch):
    def refuse():
        raise BlockingIOError("no memory")

    monkeypatch.setattr(background.os, "listdir", lambda folder: ["1"])
    monkeypatch.setattr(background.os, "fork", refuse)
    done = []
    with beside(lambda: done.append("task")):
        done.append("block")
    assert done == ["block", "task"]


@needs_linux
def test_a_block_that_fails_ends_the_fork(tmp_path):
    task = "import time; open('begun', 'w').close(); time.sleep(30); " + WRITE
    block = "while not os.path.exists('begun'): pass\n    raise KeyboardInterrupt"
    began = time.monotonic()
    completed = run(tmp_path, task=task, block=block)
    assert time.monotonic() - began < 20
    assert completed.returncode in (1, 130, -signal.SIGINT)
    assert not (tmp_path / "written").exists()
