"""A small project that uses all that `dvc.yaml` can say, run by DVC in a repository of its own."""

import subprocess

from tests.tiny_study import ENVIRONMENT

FILES = {
    "dvc.yaml": """
vars:
  - names.yaml
stages:
  fetch:
    cmd: mkdir -p raw/more && cp source.txt raw/a.txt && cp source.txt raw/more/b.txt
    deps: [source.txt]
    outs: [raw]
  read:
    cmd: cat raw/more/b.txt > one.txt
    deps: [raw/more/b.txt]
    metrics:
      - one.txt: {cache: false}
  train:
    foreach: ${nets}
    do:
      cmd: echo ${item} ${rate} > model_${item}.txt
      deps: [one.txt, library/]
      params: [train.layers]
      outs: ["model_${item}.txt"]
  grid:
    matrix:
      size: [1, 2]
      kind: [a]
    cmd: echo ${item.size} > grid_${item.size}.txt
    params:
      - other.json: [depth]
      - settings.toml: [deep.value]
    outs: ["grid_${item.size}.txt"]
  inner:
    wdir: sub
    cmd: cat in.txt > out.txt
    deps: [in.txt, ../source.txt]
    params: [x]
    outs: [out.txt]
  whole:
    cmd:
      - cat sub/out.txt > whole.txt
      - echo end >> whole.txt
    deps: [sub/out.txt]
    params:
      - whole.yaml:
    plots:
      - whole.txt: {cache: false, x: a}
  gather:
    cmd: mkdir -p gathered/made && cp one.txt gathered/made/one.txt
    deps: [one.txt]
    outs: [gathered/made]
  sum:
    cmd: ls gathered > sum.txt
    deps: [gathered, tracked.txt]
    outs: [sum.txt]
""",
    "names.yaml": "nets: [dense, cnn]\n",
    "params.yaml": "rate: 0.1\ntrain: {layers: [1, 2]}\nunused: 1\n",
    "other.json": '{"depth": 3, "unused": 4}',
    "settings.toml": "[deep]\nvalue = 1\n",
    "whole.yaml": "a: 1\nb: {c: 2}\n",
    "sub/params.yaml": "x: 1\n",
    "sub/in.txt": "in\n",
    "source.txt": "source\n",
    "library/nets.py": "nets\n",
    "library/deep/é.py": "deep\n",
    "gathered/readme.txt": "readme\n",
    "tracked.txt": "tracked\n",
    ".dvcignore": "__pycache__\n*.pyc\n",
}


def write(path, content):
    """Write a file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def shell(folder, command):
    """Run a shell command in a folder; return its output."""
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def make_small_pipeline(root):
    """Write the project to a folder, run it with DVC, and commit."""
    for name, content in FILES.items():
        write(root / name, content)
    shell(root, "git init -q -b main && dvc init -q && dvc config core.analytics false")
    write(root / ".dvcignore", FILES[".dvcignore"])
    shell(root, "dvc add -q tracked.txt && dvc repro -q && git add . && git commit -qm all")
