"""Set up Keras and its backend so that the same parameters give the same bytes.

Import this module before Keras: it fixes what Keras and its backend would take from the environment
or from a file in the user's home, and keeps their start-up messages off the terminal.
"""

import os
import sys
import tempfile
from contextlib import contextmanager

from mnist_study.nets import backend
from studykit.warm.imports import large_imports


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


PINNED = {
    "KERAS_BACKEND": backend.chosen(),
    "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "1",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_SET_ONEDNN_FPMATH_MODE": "STRICT",
    "TF_XLA_FLAGS": "",  # could ask for clusters of operations, with other sums
}
os.environ.update(PINNED)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
XLA_INSTRUCTION_SETS = {"AVX512_CORE": "AVX512", "AVX2": "AVX2", "AVX": "AVX", "SSE41": "SSE4_2"}
with _stderr_held_back(), large_imports(without=["matplotlib", "sklearn"]):
    import keras
    import tensorflow as tf  # a layer that rescales images asks for it, on every backend

    tf.config.list_physical_devices()  # where CUDA says that there is none


def configure(compute):
    """Fix the seeds, the kernels and the order of sums, before the first operation.

    Threads within an operation split its sums, which changes the last bits of a result. So their
    number is fixed, whatever the number of cores.

    Args:
        compute: the section of the parameters.
    """
    os.environ["ONEDNN_MAX_CPU_ISA"] = compute.instruction_set
    os.environ["XLA_FLAGS"] = " ".join(_xla_flags(compute))
    _SET_UP[backend.chosen()](compute.deterministic)
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.utils.set_random_seed(compute.seed)


def _set_up_tensorflow(deterministic):
    """One thread for each operation.

    Operations that do not wait for one another run side by side, on all cores, which changes
    nothing and is the faster of the two for networks as small as these.
    """
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(available_cores())
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def _set_up_jax(deterministic):
    """Two threads for each operation: these convolutions keep no more of them busy."""
    tf.config.set_visible_devices([], "GPU")  # of which it would take all memory
    os.environ["NPROC"] = "2" if deterministic else str(available_cores())


def _set_up_torch(deterministic):
    """One thread for each operation: PyTorch's, one after another, leave the other cores idle."""
    import torch

    os.environ["CUBLAS_WORKSPACE_CONFIG"] = (
        ":4096:8"  # without which CUDA refuses to be deterministic
    )
    tf.config.set_visible_devices([], "GPU")  # see above
    torch.set_num_threads(1 if deterministic else available_cores())
    torch.use_deterministic_algorithms(deterministic)


_SET_UP = {"tensorflow": _set_up_tensorflow, "jax": _set_up_jax, "torch": _set_up_torch}


def _xla_flags(compute):
    """XLA's settings for processors: the same results on all. Those for a GPU are the user's."""
    yield from (
        flag for flag in os.environ.get("XLA_FLAGS", "").split() if flag.startswith("--xla_gpu")
    )
    yield "--xla_cpu_enable_platform_dependent_math=false"
    yield "--xla_cpu_experimental_ynn_fusion_type="  # no YNNPACK, which only some processors get
    if compute.instruction_set in XLA_INSTRUCTION_SETS:
        yield f"--xla_cpu_max_isa={XLA_INSTRUCTION_SETS[compute.instruction_set]}"
    if compute.deterministic and backend.chosen() == "jax":
        yield "--xla_gpu_deterministic_ops=true"


def available_cores():
    """How many cores this process may use: OMP_NUM_THREADS, or those that the system grants it."""
    if (asked := os.environ.get("OMP_NUM_THREADS", "")).isdecimal() and int(asked):
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS
