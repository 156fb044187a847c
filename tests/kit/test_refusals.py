"""A tracking server behind TLS and a login: what a refused user is told."""

import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from studykit.tracking.refusals import say_refusal
from studykit.tracking.store import StoreError

LOGIN = "You are not authenticated. Please see https://www.mlflow.org/docs/latest/auth/index.html"


class Refusing(BaseHTTPRequestHandler):
    """Answers as MLflow's `basic-auth` does to a stranger, or to a user about others' runs."""

    answer = 401, LOGIN

    def do_GET(self):
        status, text = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def certificate(tmp_path):
    """Of a server on this machine, signed by itself, with its key in the same file."""
    path = tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-keyout", path, "-out", tmp_path / "c.pem",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + (tmp_path / "c.pem").read_text())
    return path


@pytest.fixture
def uri(certificate):
    """A server behind TLS that refuses everybody."""
    with HTTPServer(("localhost", 0), Refusing) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # a client that hangs up
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()


def test_an_unknown_certificate_a_missing_login_and_a_missing_permission_are_said_with_what_to_do(
    tiny, uri, certificate, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with pytest.raises(StoreError) as refused:
        tiny.connect()
    assert say_refusal(refused.value).endswith(
        "name the file of who signed it: MLFLOW_TRACKING_SERVER_CERT_PATH"
    )
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    with pytest.raises(StoreError) as refused:
        tiny.connect()
    assert say_refusal(refused.value).startswith("the server expects a login")
    monkeypatch.setattr(Refusing, "answer", (403, "Permission denied"))
    with pytest.raises(StoreError) as refused:
        tiny.connect()
    assert "grants EDIT" in say_refusal(refused.value)
