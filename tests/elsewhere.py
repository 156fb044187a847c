"""Another place and time: all that must not matter to the bytes of an output."""

import json
from importlib.util import find_spec
from pathlib import Path

RECKLESS_STYLE = """
axes.facecolor: yellow
figure.dpi: 37
font.size: 31
lines.linewidth: 9
savefig.dpi: 41
savefig.facecolor: red
"""


def environment(home):
    """Variables of another user in another country and year, who has settings of his own.

    Args:
        home: folder of that user, which is made.
    """
    keras, matplotlib = home / ".keras", home / ".config" / "matplotlib"
    for folder in (keras, matplotlib):
        folder.mkdir(parents=True)
    settings = {"backend": "jax", "floatx": "float16", "image_data_format": "channels_first"}
    (keras / "keras.json").write_text(json.dumps(settings | {"epsilon": 0.1}), encoding="utf-8")
    (matplotlib / "matplotlibrc").write_text(RECKLESS_STYLE, encoding="utf-8")
    (origin,) = find_spec("libfaketime").submodule_search_locations
    return {
        "FAKETIME": "@2031-02-28 23:59:58",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "HOME": str(home),
        "LANG": "",
        "LC_ALL": "POSIX",
        "LD_PRELOAD": str(Path(origin, "vendor/libfaketime/src/libfaketime.so.1")),
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONHASHSEED": "7",
        "PYTHONUTF8": "0",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit",
        "TZ": "Pacific/Apia",
        "XLA_FLAGS": "--xla_cpu_enable_fast_math=true --xla_cpu_max_isa=SSE4_2",
    }
