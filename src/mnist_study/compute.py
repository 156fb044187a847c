"""Set up TensorFlow so that the same parameters give the same bytes.

Import this module before Keras: it keeps TensorFlow's start-up messages off the terminal.
"""

import os
import sys
import tempfile
from contextlib import contextmanager


@contextmanager
def _stderr_held_back():
    """Hold back what native code writes to standard error, unless the block fails.

    TensorFlow 2.21 logs through Abseil before any log level takes effect, so TF_CPP_MIN_LOG_LEVEL
    does not stop it.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with _stderr_held_back():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()  # where CUDA says that there is none


def configure(compute):
    """Fix the seeds, the number of threads and the order of operations, before the first of them.

    The number of threads within an operation splits its sums, so it changes the last bits of a
    result: it comes from the parameters, not from the machine.

    Args:
        compute: the section of the parameters.
    """
    keras.utils.set_random_seed(compute.seed)
    tf.config.threading.set_intra_op_parallelism_threads(compute.threads)
    tf.config.threading.set_inter_op_parallelism_threads(compute.threads)
    if compute.deterministic:
        tf.config.experimental.enable_op_determinism()
