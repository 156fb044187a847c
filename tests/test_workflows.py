"""The workflows: least permissions, pinned actions, and the comment that is updated in place."""

import json
import os
import re
import shutil
import subprocess

import pytest
from ruamel.yaml import YAML

from tests.tiny_study import ROOT

FOLDER = ROOT / ".github/workflows"
WORKFLOWS = {
    path.name: YAML(typ="safe", pure=True).load(path) for path in sorted(FOLDER.glob("*.yml"))
}
STEPS = [
    (name, step)
    for name, workflow in WORKFLOWS.items()
    for job in workflow["jobs"].values()
    for step in job["steps"]
]
# GitHub's command, as far as the comment needs it: answers from files, and keeps what is sent.
GH = """#!/bin/bash
set -e
echo "$*" >> "$FAKE/calls"
jq=.; input=
for ((i = 1; i <= $#; i++)); do
  case "${!i}" in --jq) n=$((i + 1)); jq="${!n}";; --input) n=$((i + 1)); input="${!n}";; esac
done
case "$*" in
  "run download"*) cp -r "$FAKE/artefact" run;;
  *--input*) cp "$input" "$FAKE/sent.json";;
  *"/comments"*) jq -r "$jq" "$FAKE/comments.json";;
  *"/pulls"*) jq -r "$jq" "$FAKE/pulls.json";;
esac
"""


@pytest.fixture
def comment(tmp_path):
    """Run the comment's script against made answers; give the calls and the body that was sent."""
    if not shutil.which("jq"):
        pytest.skip("jq is not installed")
    (step,) = WORKFLOWS["comment.yml"]["jobs"]["comment"]["steps"]
    environment = WORKFLOWS["comment.yml"]["jobs"]["comment"]["env"]
    gh = tmp_path / "bin/gh"
    gh.parent.mkdir()
    gh.write_text(GH)
    gh.chmod(0o755)

    def run_script(*, text="### Results: a loss\n", pulls=None, comments=()):
        fake = tmp_path / "fake"
        (fake / "artefact/changes").mkdir(parents=True)
        (fake / "artefact/changes/comment.md").write_text(text)
        pulls = [{"number": 7, "head": {"sha": "abc"}}] if pulls is None else pulls
        (fake / "pulls.json").write_text(json.dumps(pulls))
        (fake / "comments.json").write_text(json.dumps(comments))
        values = {"REPO": "o/r", "RUN": "1", "RUN_URL": "u", "OWNER": "fork", "BRANCH": "b"}
        subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=tmp_path,
            env=values
            | {
                "SHA": "abc",
                "MARKER": environment["MARKER"],
                "FAKE": str(fake),
                "LANG": "C.UTF-8",
                "PATH": f"{gh.parent}{os.pathsep}{os.environ['PATH']}",
            },
            check=True,
        )
        sent = fake / "sent.json"
        body = json.loads(sent.read_text())["body"] if sent.exists() else None
        return (fake / "calls").read_text(), body

    return run_script


@pytest.mark.parametrize("name", WORKFLOWS)
def test_permissions_are_granted_job_by_job(name):
    assert WORKFLOWS[name]["permissions"] == {}
    assert all("permissions" in job for job in WORKFLOWS[name]["jobs"].values())


def test_only_the_comment_may_write_and_it_runs_no_foreign_code():
    for name, workflow in WORKFLOWS.items():
        granted = [job["permissions"] for job in workflow["jobs"].values()]
        writes = {key for each in granted for key, value in each.items() if value != "read"}
        assert writes == ({"pull-requests"} if name == "comment.yml" else set())
    assert not [step for name, step in STEPS if name == "comment.yml" and "uses" in step]


def test_actions_are_pinned_by_commit():
    actions = [step["uses"] for _, step in STEPS if "uses" in step]
    assert actions
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in actions)


def test_scripts_take_what_others_chose_from_the_environment():
    assert not [step["run"] for _, step in STEPS if "${{" in step.get("run", "")]


def test_every_step_of_ci_is_a_make_target_or_one_command():
    scripts = [step["run"] for name, step in STEPS if name == "ci.yml" and "run" in step]
    assert len(scripts) >= 6
    assert all("\n" not in script for script in scripts)


def test_a_first_comment_is_posted(comment):
    calls, body = comment()
    assert "--method POST repos/o/r/issues/7/comments" in calls
    assert "head=fork:b" in calls
    assert body.startswith("<!-- mnist-study changes -->\n### Results: a loss\n")
    assert body.endswith("(u)\n")


def test_the_next_one_updates_it_in_place(comment):
    bot = {"login": "github-actions[bot]"}
    marked = "<!-- mnist-study changes -->\nold"
    calls, _ = comment(
        comments=[
            {"id": 1, "user": {"login": "someone"}, "body": marked},
            {"id": 2, "user": bot, "body": "another comment"},
            {"id": 3, "user": bot, "body": marked},
        ]
    )
    assert "--method PATCH repos/o/r/issues/comments/3 " in calls
    assert "POST" not in calls


def test_an_outdated_run_says_nothing(comment):
    calls, body = comment(pulls=[{"number": 7, "head": {"sha": "newer"}}])
    assert body is None
    assert "download" not in calls


def test_a_comment_fits_and_calls_nobody(comment):
    _, body = comment(text="@all " + "é" * 70000)
    assert "@" not in body.replace("<!--", "")
    assert body.count("é") == 60000 - len("&#64;all ")
    assert len(body) < 65536


def steps_of(system):
    """The commands that a system runs for the results, but checks and tests, from its own file."""
    if system == "GitHub":
        steps = WORKFLOWS["ci.yml"]["jobs"]["results"]["steps"]
        return [step["run"] for step in steps if "run" in step]
    guide = (ROOT / "docs/ci.md").read_text("utf-8")
    if system == "GitLab":
        (block,) = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
        script = YAML(typ="safe", pure=True).load(block)["results"]["script"]
    else:
        script = re.findall(r"^    (make .+?)\s+#", guide, re.MULTILINE)
        script = [line.replace("BASE=...", 'BASE="$BASE"') for line in script]
    assert script[0] == "make check test"
    return script[1:]


def test_every_system_runs_the_same_commands():
    """Those of GitHub are run by tests/test_team.py."""
    expected = ["make results", 'make changes BASE="$BASE"', "make stale"]
    assert [step for step in steps_of("GitHub") if "GITHUB" not in step] == expected
    base_of = "$CI_MERGE_REQUEST_DIFF_BASE_SHA"
    assert [step.replace(base_of, "$BASE") for step in steps_of("GitLab")] == expected
    assert steps_of("a plain shell") == expected
