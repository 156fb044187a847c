"""Ask Git. The only module that runs it to read a repository."""

import subprocess

from studykit.errors import UserError


def git(*words, check=False):
    """Git's answer, without the newline at its end; None where Git fails.

    Args:
        words: of the command, after `git`.
        check: whether a failure is a UserError that passes on what Git says.

    Raises:
        UserError: this is no repository, or Git refuses to read it, or it failed and `check` is on.
    """
    answer = subprocess.run(
        ["git", *words], capture_output=True, text=True, errors="surrogateescape", check=False
    )
    if answer.returncode == 0:
        return answer.stdout.strip("\n")
    if "not a git repository" in answer.stderr:
        raise UserError("the current folder: expected a Git repository, found none")
    if check or "dubious ownership" in answer.stderr:
        raise UserError(f"git {words[0]}: {' '.join(answer.stderr.split())}")
    return None
