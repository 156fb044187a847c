from types import SimpleNamespace

import pytest

from mnist_study import compute
from mnist_study.compute import _xla_flags
from studykit.errors import UserError


def flags(instruction_set):
    settings = SimpleNamespace(instruction_set=instruction_set, deterministic=True)
    return dict(flag.split("=") for flag in _xla_flags(settings))


def test_what_a_user_asks_of_xla_counts_for_a_gpu_only(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_cuda_data_dir=/cuda --xla_cpu_enable_fast_math=true")
    asked = flags("AVX2")
    assert asked["--xla_gpu_cuda_data_dir"] == "/cuda"
    assert asked["--xla_cpu_max_isa"] == "AVX2"
    assert "--xla_cpu_enable_fast_math" not in asked


def test_xla_is_held_to_no_instruction_set_where_all_are_allowed(monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    assert "--xla_cpu_max_isa" not in flags("ALL")
    assert flags("SSE41")["--xla_cpu_max_isa"] == "SSE4_2"


@pytest.fixture
def another_tensorflow(monkeypatch):
    """A version whose XLA has to be asked which flags it knows; the variables are put back."""
    monkeypatch.setattr(compute, "version_of", lambda package: "2.22.0")
    for variable in ("ONEDNN_MAX_CPU_ISA", "XLA_FLAGS"):
        monkeypatch.setenv(variable, "")


def test_a_flag_that_xla_does_not_know_is_refused_in_one_line(another_tensorflow, monkeypatch):
    """Asked in this process, XLA would abort it."""
    monkeypatch.setattr(compute, "_xla_flags", lambda _: ["--xla_cpu_no_such_flag=true"])
    with pytest.raises(UserError) as error:
        compute.configure(SimpleNamespace(instruction_set="AVX2"))
    message = str(error.value)
    assert message.startswith("TensorFlow 2.22.0: expected the XLA flags of 2.21, ")
    assert "--xla_cpu_no_such_flag" in message
    assert "\n" not in message


def test_the_flags_that_are_set_are_known_to_the_tensorflow_that_is_installed(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", " ".join(_xla_flags(SimpleNamespace(instruction_set="AVX2"))))
    compute._check_xla_flags()
