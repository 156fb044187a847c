"""What an answer of MLflow's server costs, beside a bare call of Keras.

    python -m benchmarks.serving [--rounds N] [--model NAME] [--short]

The server is `mlflow models serve` on the registered CNN of this repository. It is asked for
one image at a time, by one client and by eight, and for a hundred at a time. Clients run in threads
of this process, and keep no connection.
"""

import base64
import io
import json
import os
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks.harness import run, turn
from imagesets import splits
from netserve.models import find_nets
from netserve.preparation import prepare
from netserve.quiet import import_keras
from studykit.study import load_study
from studykit.tracking.store.location import locate
from tests.processes import answers, free_port, wait_until

CLIENTS, BATCH = 8, 100
REQUESTS, SHORT_REQUESTS = 400, 40


def main():
    run("serving", prepare_turns, doc=__doc__, rounds=5, add_arguments=add_arguments)


def add_arguments(parser):
    parser.add_argument(
        "--model", default="models:/mnist-cnn@champion", help="default: %(default)s"
    )


@contextmanager
def prepare_turns(arguments):
    requests = SHORT_REQUESTS if arguments.short else REQUESTS
    images = splits.load(load_study().outputs.path("data", "test")).x[:BATCH]
    with TemporaryDirectory() as scratch:
        import_keras()
        (known,) = find_nets(arguments.model, scratch)
        with server(arguments.model) as ask:
            yield list(turns(known, images, ask, requests))


def turns(known, images, ask, requests):
    """Every contender of every case."""
    net, recipe = known.net, known.recipe
    one, picture = images[:1], photo(images[0, ..., 0])
    numbers, encoded = body(one.tolist()), body([base64.b64encode(picture).decode()])
    ways = {
        "Keras, model.predict": lambda: net.model.predict(one, verbose=0),
        "netserve's Net": lambda: net.probabilities(one),
        "server, numbers": lambda: ask(numbers),
        "netserve, a picture of 300 × 400": lambda: net.probabilities(prepare(picture, recipe)),
        "server, that picture in base64": lambda: ask(encoded),
    }
    for name, way in ways.items():
        yield turn("one image, one client", name, "ms", lambda way=way: latency(way, requests))
    for name, way in ways.items():
        if "Keras" not in name:
            case = f"one image a request, {CLIENTS} clients"
            yield turn(case, name, "images/s", lambda way=way: rate(way, requests, CLIENTS))
    many = body(images.tolist())
    for name, way in {
        "Keras, model.predict": lambda: net.model.predict(images, batch_size=BATCH, verbose=0),
        "netserve's Net": lambda: net.probabilities(images),
        "server, numbers": lambda: ask(many),
    }.items():
        case = f"{BATCH} images a request, one client"
        yield turn(case, name, "images/s", lambda way=way: BATCH * rate(way, requests // 10, 1))


def latency(way, requests):
    """The median time of a call, in milliseconds."""
    way()
    times = []
    for _ in range(requests):
        began = time.perf_counter()
        way()
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times))


def rate(way, requests, clients):
    """Calls in a second, of clients that each wait for their answer."""
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(lambda _: way(), range(clients)))
        began = time.perf_counter()
        list(threads.map(lambda _: way(), range(requests)))
        return requests / (time.perf_counter() - began)


def photo(digit):
    """An image of the data as a PNG of 300 × 400 pixels, dark on white."""
    page = np.full((300, 400), 255, np.uint8)
    page[20:272, 50:302] = 255 - np.kron(digit, np.ones((9, 9), np.uint8))
    file = io.BytesIO()
    Image.fromarray(page).save(file, "PNG")
    return file.getvalue()


def body(instances):
    """A request's bytes."""
    return json.dumps({"instances": instances}).encode()


@contextmanager
def server(model):
    """Serve a model; yield a function from a request's bytes to the answer's."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", model]
    process = subprocess.Popen(
        [*command, "--env-manager", "local", "-p", str(port)],
        env=os.environ | {"MLFLOW_TRACKING_URI": locate(Path.cwd()).uri},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def ask(content):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/invocations", content, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    try:
        wait_until(lambda: answers(port), seconds=120)
        yield ask
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        process.wait()


if __name__ == "__main__":
    main()
