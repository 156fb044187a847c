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
        ["git", *words],
        capture_output=True,
        encoding="utf-8",  # whatever the locale is
        errors="surrogateescape",
        check=False,
    )
    if answer.returncode == 0:
        return answer.stdout.strip("\n")
    if "not a git repository" in answer.stderr:
        raise UserError("the current folder: expected a Git repository, found none")
    if check or "dubious ownership" in answer.stderr:
        raise _refusal(words[0], answer.stderr)
    return None


def read_files(commit, paths):
    """Read files of a commit, all by one process.

    Args:
        commit: anything that Git knows a commit by.
        paths: from the current folder; a symbolic link is followed.

    Yields:
        path and content as bytes, or None where the commit has no such file.
    """
    paths = list(paths)
    asked = "".join(f"{commit}:./{path}\n" for path in paths)
    answered = subprocess.run(
        ["git", "cat-file", "--batch", "--follow-symlinks"],
        input=asked.encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=False,
    )
    if answered.returncode:
        raise _refusal("cat-file", answered.stderr.decode(errors="replace"))
    answer, position = answered.stdout, 0
    for path in paths:
        header, _, _ = answer[position : position + 10_000].partition(b"\n")
        position += len(header) + 1
        if header.endswith((b" missing", b" ambiguous")):
            yield path, None
            continue
        words = header.split(b" ")
        size = int(words[-1])
        yield path, answer[position : position + size] if words[1] == b"blob" else None
        position += size + 1


def _refusal(word, said):
    """Git's own words, and its remedy, as a UserError."""
    return UserError(f"git {word}: {' '.join(said.split())}")
