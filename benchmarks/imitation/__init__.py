"""Run programs as if on other x86-64 processors.

CPUID is the instruction by which a program asks which processor it runs on. `imitate.c` answers it
in the processor's place. Works on any x86-64 processor, on Linux with glibc, a C compiler and
objdump.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CPUID, NOP = b"\x0f\xa2", b"\x90"
BEFORE = (48, 64, 80, 96)  # bytes from which on a possible instruction is read; most have to agree
LONGEST = 15  # bytes of an instruction


class Processor(NamedTuple):
    """What a library may choose its sums by.

    Attributes:
        maker: amd or intel.
        l1, l2: the first and second data cache, in KB.
        l3: the third, in MB.
        avx512: whether it has AVX-512; True needs a real processor that has it.
    """

    maker: str
    l1: int
    l2: int
    l3: int
    avx512: bool

    def __str__(self):
        avx512 = "AVX-512" if self.avx512 else "AVX2"
        return f"{self.maker}, {self.l1} KB, {self.l2:,} KB, {self.l3} MB, {avx512}"


PROCESSORS = {  # each with the caches of its kind; the last two are of no kind
    "Haswell": Processor("intel", 32, 256, 30, False),
    "Celeron": Processor("intel", 32, 256, 2, False),
    "Skylake Xeon": Processor("intel", 32, 1024, 22, True),
    "Ice Lake Xeon": Processor("intel", 48, 1280, 36, True),
    "Sapphire Rapids": Processor("intel", 48, 2048, 37, True),
    "Alder Lake": Processor("intel", 48, 1280, 30, False),
    "Gracemont": Processor("intel", 32, 4096, 6, False),
    "Rome": Processor("amd", 32, 512, 16, False),
    "Milan": Processor("amd", 32, 512, 32, False),
    "Genoa": Processor("amd", 32, 1024, 32, True),
    "Turin": Processor("amd", 48, 1024, 32, True),
    "small first cache": Processor("amd", 16, 2048, 8, False),
    "large first cache": Processor("intel", 64, 512, 4, False),
}


def unavailable():
    """Why no other processor can be imitated here, or None."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return "expected Linux on x86-64"
    if platform.libc_ver()[0] != "glibc":
        return "expected glibc"
    for tool in ("cc", "objdump"):
        if shutil.which(tool) is None:
            return f"expected {tool} on the PATH; Debian: build-essential"
    return None


def possible():
    """Those of PROCESSORS that this one can do the work of: AVX-512 cannot be imitated."""
    has_avx512 = "avx512f" in Path("/proc/cpuinfo").read_text().split()
    return {name: each for name, each in PROCESSORS.items() if has_avx512 or not each.avx512}


def bytes_of_training(options, environment=None):
    """Train nets in a process of its own.

    Args:
        options: dict, see contenders/bytes_of_training.py.
        environment: further variables.

    Returns:
        dict: `md5` by net and kind of bytes; `code`, what Imitation takes.
    """
    completed = subprocess.run(
        [sys.executable, "-m", "benchmarks.contenders.bytes_of_training", json.dumps(options)],
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"} | (environment or {}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode:
        raise RuntimeError(f"{options}: {completed.returncode}: {completed.stderr[-2000:]}")
    return json.loads(completed.stdout.splitlines()[-1])


class Imitation:
    """Other processors for programs that load the same code."""

    def __init__(self, folder, code):
        """Compile the library that imitates, and find the instructions that it replaces.

        Args:
            folder: an empty one, for both.
            code: what `executable_mappings` returned at the end of such a program.
        """
        self._library = Path(folder) / "imitate.so"
        self._places = Path(folder) / "places"
        source = Path(__file__).with_name("imitate.c")
        command = ["cc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", self._library, source]
        subprocess.run(command, check=True)
        lines = [
            f"{offset:x} {file}\n"
            for file, begin, end in code
            for offset in find_instructions(file, begin, end)
        ]
        self._places.write_text("".join(lines))

    def environment(self, processor):
        """The variables with which a program meets the processor; None is the real one."""
        if processor is None:
            return {}
        sizes = processor.l1 << 10, processor.l2 << 10, processor.l3 << 20
        words = [f"vendor={processor.maker}"]
        words += [f"l{level}={size}" for level, size in enumerate(sizes, start=1)]
        words += [] if processor.avx512 else ["avx512=0"]
        return {
            "LD_AUDIT": str(self._library),
            "IMITATE": ",".join(words),
            "IMITATE_AT": str(self._places),
        }


def executable_mappings():
    """The code of this process: (file, first offset in the file, last) of each piece."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        addresses, rights, offset, _, _, *file = line.split(maxsplit=5)
        if "x" in rights and file and Path(file[0]).is_file():
            begin, end = (int(address, 16) for address in addresses.split("-"))
            found.append((file[0], int(offset, 16), int(offset, 16) + end - begin))
    return found


def find_instructions(file, begin, end):
    """Find the CPUID instructions in a piece of a file's code.

    Its two bytes may as well be a part of a longer instruction. So what lies before them is
    disassembled from several first bytes: wherever one begins in x86 code, after a few instructions
    one reads those that are there.

    Args:
        file: path of a library.
        begin, end: offsets in the file.

    Returns:
        list of int: offsets in the file.
    """
    with open(file, "rb") as library:
        library.seek(begin)
        code = library.read(end - begin)
    candidates = [found.start() for found in re.finditer(re.escape(CPUID), code)]
    if not candidates:
        return []
    blob, votes = (
        bytearray(),
        {},
    )  # of what is disassembled; the offset that each place in it is for
    for candidate in candidates:
        for before in BEFORE:
            blob += code[max(0, candidate - before) : candidate]
            votes[len(blob)] = candidate
            blob += CPUID + NOP * LONGEST
    with tempfile.NamedTemporaryFile() as written:
        written.write(blob)
        written.flush()
        command = ["objdump", "-D", "-b", "binary", "-m", "i386:x86-64", "--no-show-raw-insn"]
        listing = subprocess.run([*command, written.name], capture_output=True, check=True).stdout
    read = {int(address, 16) for address in re.findall(rb"([0-9a-f]+):\tcpuid", listing)}
    counts = Counter(candidate for place, candidate in votes.items() if place in read)
    return [begin + candidate for candidate in candidates if counts[candidate] > len(BEFORE) / 2]
