"""Files of known content, brought from the first source that has them."""

import gzip
import os
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pooch

from studykit.errors import UserError, hide_passwords
from studykit.source_kinds import FAULTS, Bring, SourceError, opener

GZIPPED = (".gz", ".tgz")  # names of files whose SHA-256 is that of the file as it is
SCRATCH = ".fetch-"  # begins the name of the temporary directories


def fetch_files(
    sources: Sequence[str],
    sha256: Mapping[str, str],
    folder: Path,
    *,
    timeout: float,
    retries: int,
    parameter: str = "fetch.sources",
) -> dict[str, str]:
    """Bring files into a folder, each from the first source that has it right.

    A file appears in one step, whole and right. One call at a time: it clears away what a killed
    one left.

    Args:
        sources: in order; each the base URL (http, https) of a mirror, `npm:PACKAGE@VERSION`, a
            folder, its file:// URL, or `package:PACKAGE/FOLDER` of an installed Python package,
            with the files gzipped (`NAME.gz`) or not; or `tar:FOLDER`: the tar by `write_tar`.
        sha256: file name -> SHA-256 in hexadecimal: of the uncompressed content, but of the file
            as it is where its name ends in .gz or .tgz.
        folder: made if need be; a right file stays.
        timeout: seconds to wait for a connection and for each next byte. A download is given up
            after 30 times that in all.
        retries: further attempts after a dropped connection or a server's error.
        parameter: that lists the sources, for messages, as DVC names it: its dotted key, after
            `FILE:` where that is not `params.yaml`.

    Returns:
        File name -> the source it came from, or "already there".

    Raises:
        UserError: a source is of no known kind, or no source has some file right.
    """
    where = parameter.replace(":", ": ") if ":" in parameter else f"params.yaml: {parameter}"
    openers = [opener(source, where) for source in sources]
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(stale)
    origins = {name: "already there" for name in sha256 if _is_right(folder / name, sha256[name])}
    refusals = []
    for source, open_source in zip(sources, openers, strict=True):
        if missing := {name: sha256[name] for name in sha256 if name not in origins}:
            opened = partial(open_source, source, timeout=timeout, retries=retries)
            faults = _ask(opened, missing, folder)
            origins |= {name: hide_passwords(source) for name, fault in faults.items() if not fault}
            refusals.append(f"  {source}: {_in_one_line(faults)}")
    if lacking := [name for name in sha256 if name not in origins]:
        raise _no_source(where, parameter, lacking, refusals)
    return {name: origins[name] for name in sha256}


def _no_source(where, parameter, lacking, refusals) -> UserError:
    return UserError(
        f"{where}: no source has a right {', '.join(lacking)}:\n"
        + "\n".join(refusals)
        + "\nPut the files, gzipped or not, into a folder and give it as source:"
        f" dvc exp run -S '{parameter}=[/path/to/folder]', or edit it there."
    )


def _ask(open_source, sha256, folder) -> dict[str, str]:
    """Bring what a source has of some files; return what is wrong with each, or ""."""
    faults: dict[str, str] = {}
    with TemporaryDirectory(prefix=SCRATCH, dir=folder, ignore_cleanup_errors=True) as scratch:
        try:
            bring = open_source(Path(scratch))
            for name in sha256:
                faults[name] = _take(name, sha256[name], bring, Path(scratch), folder)
        except (SourceError, *FAULTS) as error:
            faults = dict.fromkeys(sha256, str(error)) | faults
    return faults


def _take(name: str, sha256: str, bring: Bring, scratch: Path, folder: Path) -> str:
    """Bring one file, and move it into the folder if it is right; return what is wrong, or ""."""
    whole = scratch / "whole"
    try:
        _copy(bring(name), whole, as_it_is=name.endswith(GZIPPED))
    except FAULTS as error:
        return str(error)
    if not _is_right(whole, sha256):
        return f"expected SHA-256 {sha256.lower()}, received {pooch.file_hash(str(whole))}"
    os.replace(whole, folder / name)
    return ""


def _copy(packed: Path, whole: Path, *, as_it_is: bool) -> None:
    """Copy a file, uncompressed. Its content tells, as servers may gunzip what they send."""
    if as_it_is:
        shutil.copyfile(packed, whole)
        return
    with packed.open("rb") as source, whole.open("wb") as target:
        gzipped = source.peek(2).startswith(b"\x1f\x8b")
        shutil.copyfileobj(gzip.GzipFile(fileobj=source) if gzipped else source, target)


def _is_right(path: Path, sha256: str) -> bool:
    return path.is_file() and pooch.file_hash(str(path)) == sha256.lower()


def _in_one_line(faults: Mapping[str, str]) -> str:
    """Say what was wrong with each file, or once if it was the same with all."""
    if len(reasons := set(faults.values())) == 1:
        return reasons.pop()
    return "; ".join(f"{name}: {fault}" for name, fault in faults.items() if fault)
