"""Set up TensorFlow and Keras so that the same parameters give the same bytes.

Import this module before Keras: it fixes what TensorFlow would take from the environment or from a
file in the user's home, and keeps its start-up messages off the terminal.
"""

import os
import subprocess
import sys

from studykit.errors import UserError
from studykit.imports import large_imports, stderr_held_back
from studykit.versions import version_of

PINNED = {
    "KERAS_BACKEND": "tensorflow",
    "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "1",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    # Otherwise oneDNN prepares the kernel of each weight gradient anew in every step.
    "TF_MKL_OPTIMIZE_PRIMITIVE_MEMUSE": "false",
    "TF_SET_ONEDNN_FPMATH_MODE": "STRICT",
    "TF_XLA_FLAGS": "",  # could ask for clusters of operations, with other sums
}
XLA_INSTRUCTION_SETS = {"AVX512_CORE": "AVX512", "AVX2": "AVX2", "AVX": "AVX", "SSE41": "SSE4_2"}
XLA_FLAGS_CHECKED = "2.21."  # the versions of TensorFlow that are known to have all flags below

os.environ.update(PINNED)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with stderr_held_back(), large_imports(without=["matplotlib", "sklearn", "jax", "pyarrow"]):
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()  # where CUDA says that there is none


def configure(compute):
    """Fix the seeds, the kernels and the order of sums, before the first operation.

    Threads within an operation split its sums, which changes the last bits of a result. So each
    operation gets one. Operations that do not wait for one another run side by side, on all cores,
    which changes nothing and is the faster of the two for networks as small as these.

    Args:
        compute: the section of the parameters.

    Raises:
        UserError: this TensorFlow lacks a setting of XLA that the same bytes need.
    """
    os.environ["ONEDNN_MAX_CPU_ISA"] = compute.instruction_set
    os.environ["XLA_FLAGS"] = " ".join(_xla_flags(compute))
    if not version_of("tensorflow").startswith(XLA_FLAGS_CHECKED):
        _check_xla_flags()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(available_cores())
    if compute.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.utils.set_random_seed(compute.seed)


def _xla_flags(compute):
    """XLA's settings for processors: the same results on all. Those for a GPU are the user's."""
    yield from (
        flag for flag in os.environ.get("XLA_FLAGS", "").split() if flag.startswith("--xla_gpu")
    )
    yield "--xla_cpu_enable_platform_dependent_math=false"
    yield "--xla_cpu_experimental_ynn_fusion_type="  # no YNNPACK, which only some processors get
    # Matrix products by oneDNN: Eigen would split their sums by the sizes of the caches.
    yield "--xla_cpu_use_onednn=true"
    yield "--xla_cpu_experimental_onednn_fusion_type=dot"
    if compute.instruction_set in XLA_INSTRUCTION_SETS:
        yield f"--xla_cpu_max_isa={XLA_INSTRUCTION_SETS[compute.instruction_set]}"


def _check_xla_flags():
    """Ask another process whether XLA takes XLA_FLAGS: it aborts at one that it does not know."""
    compiled = "import tensorflow as tf; tf.function(lambda: tf.zeros(1), jit_compile=True)()"
    asked = subprocess.run([sys.executable, "-c", compiled], capture_output=True, text=True)
    if asked.returncode:
        unknown = next((line for line in asked.stderr.splitlines() if "nknown flag" in line), "")
        raise UserError(
            f"TensorFlow {version_of('tensorflow')}: expected the XLA flags of 2.21, by which all "
            f"processors give the same bytes, received: {unknown.strip() or 'an abort'}; "
            "install the version of requirements.lock, or change the flags in "
            "src/mnist_study/compute.py"
        )


def available_cores():
    """How many cores this process may use: OMP_NUM_THREADS, or those that the system grants it."""
    if (asked := os.environ.get("OMP_NUM_THREADS", "")).isdecimal() and int(asked):
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS
