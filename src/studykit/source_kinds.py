"""The kinds of sources that files come from, each opened by a function of its own."""

import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.request import url2pathname

import pooch
import requests

from studykit.errors import UserError
from studykit.files import write_tar

PATIENCE = 30  # time-outs that one download may take in all
FAULTS = (OSError, EOFError, zlib.error, tarfile.TarError)  # of a file missing, cut off, damaged
PACKED = (".gz", ".tgz", ".zip", ".npz", ".parquet")  # no mirror has these gzipped once more

Bring = Callable[[str], Path]  # file name -> a copy, gzipped or not

pooch.get_logger().setLevel("WARNING")


class SourceError(Exception):
    """A source that gives nothing: asking it for the next file would only take time."""


def opener(source: str, parameter: str) -> Callable[..., Bring]:
    """The function that opens a source.

    Args:
        source: as `fetch_files` takes it.
        parameter: where it is written, for the message.

    Returns:
        Function of the source, a scratch folder, `timeout` and `retries`, that returns a function
        from a file's name to the path of a copy.

    Raises:
        UserError: the source is of no known kind.
    """
    if re.match("https?://[^/]", source):
        return _open_mirror
    if re.fullmatch(r"npm:(@[\w.-]+/)?\w[\w.-]*@\d[\w.+-]*", source):
        return _open_npm
    if re.fullmatch(r"package:\w+(/[\w.-]+)*", source):
        return _open_package
    if re.match(r"tar:.", source):
        return _open_tar
    if re.match(r"file://(localhost)?/|(?!\w\w+:).", source):
        return _open_folder
    raise UserError(
        f"{parameter}: expected http(s)://…, npm:PACKAGE@VERSION, package:PACKAGE/FOLDER, a "
        f"folder, file:///… or tar:FOLDER, received {source!r}"
    )


def _open_folder(source: str, scratch: Path, timeout: float, retries: int) -> Bring:
    path = re.sub("^file://(localhost)?", "", source)
    return _among(Path(path if path == source else url2pathname(path)).expanduser().iterdir())


def _open_package(source: str, scratch: Path, timeout: float, retries: int) -> Bring:
    """A folder of a Python package that is installed; nothing of it is imported."""
    name, _, inner = source.removeprefix("package:").partition("/")
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SourceError(f"the Python package {name} is not installed")
    return _among(Path(spec.submodule_search_locations[0], inner).iterdir())


def _open_tar(source: str, scratch: Path, timeout: float, retries: int) -> Bring:
    """A folder whose deterministic tar is the file, whatever its name."""
    folder = Path(source.removeprefix("tar:")).expanduser()
    if not folder.is_dir():
        raise SourceError(f"{folder}: there is no such folder")

    def bring(name: str) -> Path:
        write_tar(scratch / name, folder)
        return scratch / name

    return bring


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
            if not name.endswith(PACKED):
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
