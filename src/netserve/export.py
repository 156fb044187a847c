"""`export --to FORMAT`: write nets in another format, each checked against Keras.

A net that gives another class for any test image leaves no file.
"""

import os
import shutil
import warnings
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from netserve.models import find_nets, find_test_images, locate_model
from studykit.errors import UserError
from studykit.imports import stderr_held_back

BATCH_SIZE = 500
KERAS_NAMES = {"litert": "litert", "onnx": "onnx", "savedmodel": "tf_saved_model"}
ENDINGS = {"litert": ".tflite", "onnx": ".onnx", "savedmodel": "_savedmodel"}
NEEDED = {"litert": ["ai_edge_litert"], "onnx": ["onnx", "onnxruntime", "tf2onnx"]}


def add_arguments(parser):
    """Describe the command line."""
    parser.add_argument("--to", required=True, choices=KERAS_NAMES, help="the format")
    parser.add_argument(
        "--model",
        default="workspace",
        metavar="MODEL",
        help="a .keras file, a revision or experiment, or models:/NAME@ALIAS; default: workspace",
    )
    parser.add_argument("--net", help="this one only; default: all of the revision")
    parser.add_argument("--data", metavar="NAME", help="the nets' data set in datasets.yaml")
    parser.add_argument("--output", default=".", metavar="FOLDER", help="default: the current one")


def run(arguments):
    """Write the files, and a line on each; return the exit status."""
    lacking = [name for name in NEEDED.get(arguments.to, ()) if find_spec(name) is None]
    if lacking:
        raise UserError(
            f"--to {arguments.to}: expected {', '.join(lacking)} to be installed, found none; "
            "pip install '.[export]'"
        )
    target = Path(arguments.started_in, arguments.output)
    with TemporaryDirectory() as scratch:
        model = locate_model(arguments)
        nets = find_nets(model, scratch, only=arguments.net, data=arguments.data)
        images = find_test_images(model, scratch)
        for known in nets:
            name = f"{known.name.replace('/', '_')}{ENDINGS[arguments.to]}"
            beside = Path(scratch, name)
            _export(known.net.model, beside, arguments.to)
            difference = check(known, images, READERS[arguments.to](beside))
            _move(beside, target / name)
            print(
                f"{os.path.join(arguments.output, name)}: {_size(target / name):,} bytes; the same "
                f"class as Keras for all {len(images):,} test images, probabilities within "
                f"{difference:.1e}"
            )
    return 0


def check(known, images, ask):
    """Hold an exported net against Keras.

    Args:
        known: Known.
        images: (n, height, width, channels), test images.
        ask: function from some images to probabilities.

    Returns:
        The largest difference of a probability.

    Raises:
        UserError: the class of an image is another.
    """
    expected = known.net.probabilities(images)
    batches = [images[first : first + BATCH_SIZE] for first in range(0, len(images), BATCH_SIZE)]
    received = np.concatenate([ask(batch) for batch in batches])
    differ = int((expected.argmax(axis=1) != received.argmax(axis=1)).sum())
    if differ:
        raise UserError(
            f"{known.name}: expected the classes that Keras gives, received {differ:,} others for "
            f"{len(images):,} test images; nothing was written"
        )
    return float(abs(expected - received).max())


def _export(model, path, kind):
    """Write a model as Keras does, without the messages of the converters."""
    with stderr_held_back(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model(np.zeros((1, *model.inputs[0].shape[1:]), model.inputs[0].dtype))  # ONNX asks for it
        model.export(str(path), format=KERAS_NAMES[kind], verbose=False)


def _ask_litert(path):
    with stderr_held_back():
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(path))
    (given,), (answer,) = interpreter.get_input_details(), interpreter.get_output_details()

    def ask(batch):
        interpreter.resize_tensor_input(given["index"], batch.shape)
        with stderr_held_back():
            interpreter.allocate_tensors()
        interpreter.set_tensor(given["index"], batch)
        interpreter.invoke()
        return interpreter.get_tensor(answer["index"])

    return ask


def _ask_onnx(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})[0]


def _ask_savedmodel(path):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))  # its variables are there as long as it is
    return lambda batch: loaded.serve(batch).numpy()


READERS = {"litert": _ask_litert, "onnx": _ask_onnx, "savedmodel": _ask_savedmodel}


def _move(source, target):
    """Put a file, or a folder, in its place: whole, in place of what was there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.move(source, beside)
    if target.is_dir():
        shutil.rmtree(target)
    os.replace(beside, target)


def _size(path):
    return sum(file.stat().st_size for file in [path, *path.rglob("*")] if file.is_file())
