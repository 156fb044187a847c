from types import SimpleNamespace

from mnist_study.compute import _xla_flags


def flags(instruction_set):
    compute = SimpleNamespace(instruction_set=instruction_set, deterministic=True)
    return dict(flag.split("=") for flag in _xla_flags(compute))


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
