"""Which processor trained each model: `models/origins.json`, in Git beside `dvc.lock`.

Floating-point kernels are chosen by instruction set and by the size of the caches, so this explains
bytes that differ elsewhere. It varies with the machine, so it is no output of a stage: no stage
depends on it, and the MD5 beside it says which bytes it speaks of.
"""

import hashlib
import platform
from pathlib import Path

from studykit.files import read_json, write_json

ORIGINS = Path("models/origins.json")
INSTRUCTION_SETS = {  # by oneDNN's name: the flag that Linux shows, the widest first
    "AVX512_CORE": "avx512bw",
    "AVX2": "avx2",
    "AVX": "avx",
    "SSE41": "sse4_1",
}


def record(path):
    """Note that this machine has just written a file.

    Args:
        path: of the file, from the repository's root.
    """
    origins = read_json(ORIGINS) if ORIGINS.is_file() else {}
    with open(path, "rb") as file:
        origins[path] = {"md5": hashlib.file_digest(file, "md5").hexdigest()} | this_machine()
    write_json(ORIGINS, dict(sorted(origins.items())))


def this_machine():
    """What can change the last bits of a sum: processor, instruction set, caches, system."""
    flags = _first("flags").split()
    widest = (name for name, flag in INSTRUCTION_SETS.items() if flag in flags)
    return {
        "processor": _first("model name") or platform.processor() or "unknown",
        "instruction_set": next(widest, "unknown"),
        "caches": _caches(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _first(field):
    """The first processor's value in Linux' list of them; empty elsewhere."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith(field)), "")


def _caches():
    """Size by level, as Linux writes them: {"L1": "48K", …}; of L1 that for data."""
    folders = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")
    found = {
        f"L{(folder / 'level').read_text().strip()}": (folder / "size").read_text().strip()
        for folder in folders
        if (folder / "type").read_text().strip() != "Instruction"
    }
    return dict(sorted(found.items()))
