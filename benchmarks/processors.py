"""The bytes of a training on other processors, emulated, against this one's.

    python -m benchmarks.processors

Needs `qemu-x86_64` (Debian: qemu-user). Each net is trained for 20 steps from the same seed. The
values are minutes, and only say how slow the emulation is: the note matters, the MD5 of the weights
and of probabilities.
"""

import shutil
import site
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from benchmarks.clone import ROOT
from benchmarks.harness import Measured, run
from benchmarks.instruction_sets import NETS, add_arguments, train, training_data
from studykit.errors import UserError

PROCESSORS = ("Haswell-v4", "EPYC-Rome")
SETTINGS = ("ALL", "AVX2", "SSE41", "Eigen alone")
STEPS = 20


def main():
    run("processors", prepare, doc=__doc__, rounds=1, add_arguments=add_arguments)


@contextmanager
def prepare(arguments):
    if (emulator := shutil.which("qemu-x86_64")) is None:
        raise UserError("qemu-x86_64: expected on the PATH, found none; Debian: qemu-user")
    settings = SETTINGS[1:2] if arguments.short else SETTINGS
    processors = PROCESSORS[:1] if arguments.short else PROCESSORS
    # The interpreter that the virtual environment links to: qemu does not resolve the link.
    python = str(Path(sys.executable).resolve())
    emulated = {name: (emulator, "-cpu", name, python) for name in processors}
    with training_data(arguments.data) as path:
        yield [
            lambda words=(net, path, setting, name, command): take(*words)
            for net in NETS
            for setting in settings
            for name, command in ({"this processor": (python,)} | emulated).items()
        ]


def take(net, path, setting, name, command):
    began = time.perf_counter()
    paths = [str(ROOT), str(ROOT / "src"), *site.getsitepackages()]
    environment = {"PYTHONPATH": ":".join(paths), "OMP_NUM_THREADS": "1"}
    answer = train(
        net, path, setting, steps=STEPS, epochs=1, python=command, environment=environment
    )
    minutes = (time.perf_counter() - began) / 60
    case = f"{NETS[net]}, {setting}, {STEPS} steps"
    return [Measured(case, name, minutes, "minutes", answer["md5"][:8])]


if __name__ == "__main__":
    main()
