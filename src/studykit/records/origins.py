"""Which processor trained each model: `models/origins.json`, in Git beside `dvc.lock`.

Floating-point kernels are chosen by instruction set and by the size of the caches, so this explains
why a model has other bytes elsewhere. It varies with the machine, so it is no output of a stage,
and no stage depends on it; the MD5 beside it says which bytes it speaks of.
"""

import platform
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from studykit.documents import parse_json
from studykit.errors import UserError
from studykit.files import write_json
from studykit.records.trees import WorkingTree

ORIGINS = Path("models/origins.json")
INSTRUCTION_SETS = {  # by oneDNN's name: the flag that Linux shows, the widest first
    "AVX512_CORE": "avx512bw",
    "AVX2": "avx2",
    "AVX": "avx",
    "SSE41": "sse4_1",
}


class _Origin(BaseModel):
    """What is noted of a model: texts, and the size of the caches by level."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, str]
    caches: dict[str, str] = {}


def record(path):
    """Note that this machine has just written a model.

    Args:
        path: of its file or folder, from the project's root.

    Raises:
        UserError: what is noted already cannot be read.
    """
    tree = WorkingTree()
    origins = read(tree) | {path: {"md5": tree.md5(path)} | this_machine()}
    write_json(ORIGINS, dict(sorted(origins.items())))


def read(tree):
    """What is noted in a Tree.

    Returns:
        dict: a model's path to its `md5`, and what `this_machine` gave where it was trained.

    Raises:
        UserError: the file has conflicts, or is not what `record` wrote.
    """
    content = tree.read(ORIGINS.as_posix())
    if content is None:
        return {}
    try:
        return parse_json(content, tree.describe(ORIGINS.as_posix()), dict[str, _Origin])
    except UserError as error:
        raise UserError(f"{error}; mend the file, or remove it") from None


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
    found: dict[str, str] = {}
    for folder in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        files = {name: folder / name for name in ("level", "size", "type")}
        if all(file.is_file() for file in files.values()):  # virtual machines hide some
            level, size, kind = (file.read_text().strip() for file in files.values())
            found |= {f"L{level}": size} if kind != "Instruction" else {}
    return dict(sorted(found.items()))
