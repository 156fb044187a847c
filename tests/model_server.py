"""MLflow's server of a registered model, as users start it."""

import json
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager

from tests.processes import answers, free_port, wait_until
from tests.tiny_study import ENVIRONMENT


@contextmanager
def serve_champion(study):
    """Serve the champion of the CNNs until the end.

    Args:
        study: TinyStudy, whose runs are in its store.

    Yields:
        Function from a request's content to the status and the answer; it has the port, and the
        variables that name the store.
    """
    port = free_port()
    command = f"mlflow models serve -m models:/mnist-cnn@champion --env-manager local -p {port}"
    variables = {"MLFLOW_TRACKING_URI": f"sqlite:///{study.root}/mlflow.db"}
    server = subprocess.Popen(
        command.split(), cwd=study.root, env=ENVIRONMENT | variables, start_new_session=True
    )

    def ask(content):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations",
            json.dumps(content).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    ask.port, ask.variables = port, variables
    try:
        wait_until(lambda: answers(port), seconds=180)
        yield ask
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(server.pid)], check=False)
        server.wait()
