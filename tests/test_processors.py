"""The same bytes on every x86-64 processor: on this one, and on others that are imitated."""

import subprocess

import numpy as np
import pytest

from benchmarks.imitation import (
    PROCESSORS,
    Imitation,
    bytes_of_training,
    find_instructions,
    possible,
    unavailable,
)
from imagesets import splits
from imagesets.splits import Split
from tests.tiny_mnist import make_digits

pytestmark = pytest.mark.skipif(
    unavailable() is not None, reason=f"no other processor can be imitated: {unavailable()}"
)

NETS = ["dense", "cnn"]
SIZES = {"train": 640, "val": 550, "test": 550}  # val and test are scored by 500
ASKS = """
#include <cpuid.h>
#include <stdio.h>
#include <string.h>
int main(void) {
    unsigned a, b, c, d, level[4] = {0};
    char maker[13] = {0};
    __cpuid(0, a, b, c, d);
    memcpy(maker, &b, 4), memcpy(maker + 4, &d, 4), memcpy(maker + 8, &c, 4);
    for (int sub = 0; sub < 4; sub++) {
        __cpuid_count(maker[0] == 'A' ? 0x8000001d : 4, sub, a, b, c, d);
        if ((a & 31) != 2) level[a >> 5 & 7] = ((b >> 22) + 1) * ((b & 4095) + 1) * (c + 1);
    }
    printf("%s %u %u %u", maker, level[1], level[2], level[3]);
    __cpuid(0x80000006, a, b, c, d);
    printf(" %u", c >> 16);
    __cpuid_count(7, 0, a, b, c, d);
    printf(" %u %u", b >> 5 & 1, b >> 16 & 1);
}
"""


def find(name):
    """The processor of a name, None for the real one; skips where it cannot be imitated."""
    if name and name not in possible():
        pytest.skip(f"{name}: expected a processor with AVX-512")
    return PROCESSORS.get(name)


@pytest.fixture(scope="session")
def train(tmp_path_factory):
    """Function from a processor's name and options to the MD5s of a training, done once each."""
    folder = tmp_path_factory.mktemp("processors")
    rng = np.random.default_rng(0)
    for part, number in SIZES.items():
        x, y = make_digits(number, rng)
        classes = tuple("0123456789")
        splits.save(folder / f"{part}.npz", Split(x[..., np.newaxis], y, classes))
    asked = {"data": str(folder), "nets": NETS, "epochs": 2}
    real = bytes_of_training(asked)
    imitation = Imitation(folder, real["code"])
    done = {(None, "{}", None): real["md5"]}

    def train(name, cores=None, **options):
        key = name, repr(options), cores
        if key not in done:
            variables = imitation.environment(find(name))
            variables |= {"OMP_NUM_THREADS": str(cores)} if cores else {}
            done[key] = bytes_of_training(asked | options, variables)["md5"]
        return done[key]

    return train


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("Ice Lake Xeon", "GenuineIntel 49152 1310720 37748736 1280 1 1"),
        ("Celeron", "GenuineIntel 32768 262144 2097152 256 1 0"),
        ("Rome", "AuthenticAMD 32768 524288 16777216 512 1 0"),
        ("Turin", "AuthenticAMD 49152 1048576 33554432 1024 1 1"),
        ("small first cache", "AuthenticAMD 16384 2097152 8388608 2048 1 0"),
    ],
)
def test_a_program_is_told_the_imitated_processor(name, answers, tmp_path):
    processor = find(name)
    (tmp_path / "asks.c").write_text(ASKS)
    asks = tmp_path / "asks"
    subprocess.run(["cc", "-o", asks, tmp_path / "asks.c"], check=True)
    imitation = Imitation(tmp_path, [(str(asks), 0, asks.stat().st_size)])
    told = subprocess.run(
        [asks], env=imitation.environment(processor), capture_output=True, text=True, check=True
    )
    assert told.stdout == answers


def test_two_bytes_within_another_instruction_are_no_cpuid(tmp_path):
    move = b"\xb8\x0f\xa2\x00\x00"  # mov $0xa20f, %eax
    cpuid = b"\x0f\xa2"
    code = 20 * b"\x55\x48\x89\xe5" + move + cpuid + move + b"\xc3"  # push, mov, …, ret
    (tmp_path / "code").write_bytes(code)
    assert find_instructions(tmp_path / "code", 0, len(code)) == [20 * 4 + len(move)]


def test_a_first_cache_of_64_kb_gives_the_same_bytes(train):
    assert train("large first cache") == train(None)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSORS)
def test_both_nets_are_the_same_bytes_on_every_processor(name, train):
    assert train(name) == train(None)


@pytest.mark.slow
def test_products_by_eigen_would_tell_the_first_cache(train):
    first_caches = ("small first cache", "Haswell", "Alder Lake", "large first cache")
    found = [train(name, without="onednn") for name in first_caches]
    assert len({each["dense"]["model"] for each in found}) == len(first_caches)
    assert train("Rome", without="onednn") == train("Haswell", without="onednn")


SETTINGS = {
    "a core": {"cores": 1},
    "two cores": {"cores": 2},
    "AVX": {"compute": {"instruction_set": "AVX"}},
    "SSE41": {"compute": {"instruction_set": "SSE41"}},
    "37 units": {"training": {"units": 37}},
    "100 units": {"training": {"units": 100}},
    "batches of 50": {"training": {"batch_size": 50}},
    "whole batches": {"training": {"shards": 1}},
    "batches in two parts": {"training": {"shards": 2, "jit_compile": False}},
}


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
def test_other_settings_give_the_same_bytes_on_every_processor(setting, train):
    options = SETTINGS[setting]
    real = train(None, **options)
    for name in ("small first cache", "large first cache", "Turin"):
        if name in possible():
            assert train(name, **options) == real, name


@pytest.mark.slow
@pytest.mark.parametrize("instruction_set", ["ALL", "AVX512_CORE"])
def test_an_instruction_set_gives_the_same_bytes_where_it_is_there(instruction_set, train):
    compute = {"instruction_set": instruction_set}
    with_it = [train(name, compute=compute) for name in ("Skylake Xeon", "Ice Lake Xeon", "Genoa")]
    assert with_it[0] == with_it[1] == with_it[2] != train(None)
    without = [train(name, compute=compute) for name in ("Haswell", "small first cache")]
    assert without[0] == without[1] == train(None)  # AVX2 is the best that they have


@pytest.mark.slow
def test_the_number_of_cores_changes_no_byte(train):
    assert train(None, cores=1) == train(None, cores=2) == train(None)
