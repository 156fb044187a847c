"""Check parameters by the schema that the study names."""

import sys
from importlib import import_module
from pathlib import Path


def check_values(study, values):
    """Check what `params.yaml` holds; nothing where the study names no schema.

    Args:
        study: Study.
        values: what the file holds, or would hold.

    Raises:
        UserError: a line for each mistake.
    """
    if study.params is None:
        return
    if (source := Path("src").resolve()).is_dir() and str(source) not in sys.path:
        sys.path.insert(0, str(source))
    import_module(study.params.partition(":")[0]).check(values)
