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


def git_lines(*options, words):
    """The lines that Git answers to words on its standard input, of which there may be thousands.

    Args:
        options: the command, after `git`.
        words: a line each.

    Raises:
        UserError: Git fails.
    """
    answer = subprocess.run(
        ["git", *options],
        input="".join(f"{word}\n" for word in words),
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
    if answer.returncode:
        raise _refusal(options[0], answer.stderr)
    return answer.stdout.splitlines()


def read_files(commit, paths):
    """Read files of a commit, all by one process.

    Args:
        commit: anything that Git knows a commit by.
        paths: from the current folder; a symbolic link is followed.

    Yields:
        path and content as bytes, or None where the commit has no such file.
    """
    for (_, path), content in read_all((commit, path) for path in paths):
        yield path, content


def read_all(asked):
    """Read files of any number of commits, all by one process.

    Args:
        asked: pairs of a commit and a path, as `read_files` takes them.

    Yields:
        the pair, and content as bytes, or None where the commit has no such file.
    """
    asked = list(asked)
    contents = read_objects(f"{commit}:./{path}" for commit, path in asked)
    yield from zip(asked, contents, strict=True)


def read_objects(names):
    """Read objects, all by one process.

    Args:
        names: as Git knows objects by.

    Yields:
        content of each as bytes, or None where there is none or it is no file's.
    """
    names = list(names)
    answered = subprocess.run(
        ["git", "cat-file", "--batch", "--follow-symlinks"],
        input="".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=False,
    )
    if answered.returncode:
        raise _refusal("cat-file", answered.stderr.decode(errors="replace"))
    answer, position = answered.stdout, 0
    for _ in names:
        header, _, _ = answer[position : position + 10_000].partition(b"\n")
        position += len(header) + 1
        if header.endswith((b" missing", b" ambiguous")):
            yield None
            continue
        words = header.split(b" ")
        size = int(words[-1])
        yield answer[position : position + size] if words[1] == b"blob" else None
        position += size + 1


def _refusal(word, said):
    """Git's own words, and its remedy, as a UserError."""
    return UserError(f"git {word}: {' '.join(said.split())}")
