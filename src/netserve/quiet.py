"""Import Keras and TensorFlow without their messages."""

import os

from studykit.imports import large_imports, stderr_held_back

SETTINGS = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}


def import_keras():
    """Import both, and let TensorFlow look for GPUs: it says much when it does so first."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    with stderr_held_back(), large_imports(without=["matplotlib", "sklearn", "jax", "pyarrow"]):
        import keras  # noqa: F401
        import tensorflow as tf

        tf.config.list_physical_devices()
