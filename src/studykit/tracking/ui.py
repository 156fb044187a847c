"""Open MLflow's pages on the results: serve the store, unless a server does; say the address."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

from studykit.errors import UserError

HOST = "127.0.0.1"  # the server knows no passwords: it is for this machine alone
PORT = 5000  # MLflow's own
PATIENCE = 300  # seconds for the server to start: it imports much
TERMINATED = 128 + signal.SIGTERM  # exit status, as shells report it
# The server's worker of jobs serves pages on language models, and would start two processes more.
ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


def add_arguments(parser):
    parser.add_argument(
        "--port",
        type=int,
        help=f"where to serve on this machine; {PORT} by default, or the next that is free",
    )


def run(arguments):
    from studykit.tracking.store import Store, StoreError

    try:
        uri, page = Store.connect().save_view()
    except StoreError as error:
        raise UserError(f"MLflow: {error}; check MLFLOW_TRACKING_URI") from None
    if uri.startswith(("http://", "https://")):
        show(f"{without_password(uri).rstrip('/')}{page}")
        return 0
    return serve(uri, page, arguments.port)


def serve(uri, page, port=None):
    """Serve a store on this machine until the server ends, or Ctrl-C.

    Args:
        uri: of the store.
        page: the part of the address after the host.
        port: a free one by default.

    Returns:
        The server's exit status.

    Raises:
        UserError: something else listens at that port, or the server does not start.
    """
    port = port or next(number for number in range(PORT, PORT + 1000) if is_free(number))
    if not is_free(port):
        raise UserError(f"--port {port}: expected a free port, found one that is in use")
    address = f"http://{HOST}:{port}"
    command = ["-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(
        [sys.executable, *command, "--backend-store-uri", uri],
        env=os.environ | ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # of processes that all are ended below
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        wait_for(server, address)
        show(f"{address}{page}")
        print("Ctrl-C ends the server.", flush=True)
        server.communicate()
        return server.returncode
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)
        server.wait()
        if server.stderr is not None:
            server.stderr.close()


def wait_for(server, address):
    """Wait until a server answers.

    Raises:
        UserError: it ended, or takes too long.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    said = " ".join(server.stderr.read().split())[-300:] if server.poll() is not None else ""
    raise UserError(f"mlflow server: expected an answer at {address}, found none. {said}".strip())


def show(address):
    """Print an address, and open it in a browser where there is a screen."""
    print(address, flush=True)
    print(f"{address}&compareRunsMode=CHART", flush=True)
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)


def without_password(uri):
    """An address without user and password: the browser asks for them."""
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def is_free(port):
    """Whether nothing listens at a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) != 0
