"""What `dvc.yaml` declares a stage's outputs as."""

from studykit.records.revisions import WORKSPACE, Revision


def declared_as(stage):
    """How a stage declares its outputs.

    Args:
        stage: its name.

    Returns:
        dict: path to `metrics`, `plots`, `outs`, or `cached` for those of `outs` that only DVC's
        cache holds. Empty where the workspace has no such stage.
    """
    stages = Revision(WORKSPACE, None).pipeline().get("stages", {})
    found = {}
    for kind in ("outs", "plots", "metrics"):
        for output in stages.get(stage, {}).get(kind, ()):
            for path, options in _with_options(output):
                is_cached = kind == "outs" and (options or {}).get("cache", True)
                found[path] = "cached" if is_cached else kind
    return found


def _with_options(output):
    return [(output, None)] if isinstance(output, str) else output.items()
