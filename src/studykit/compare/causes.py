"""Whether a difference can come from what two revisions declare, and which stages it rests on.

The same declared inputs can give other bytes on another processor. Such a difference is no gain or
loss of a change, so it is not judged.
"""

from studykit.compare.lock import md5_of, with_upstream
from studykit.compare.machines import describe_machine
from studykit.records.pipeline import makers


def stale_that_matter(results):
    """The stale stages that the judgement rests on.

    Those are the stages that make predictions and claims (in a study without, metrics) and all that
    these need.

    Args:
        results: Results.

    Returns:
        list of names; all stale stages where it is not known what made the files.
    """
    files = [path for kind in ("predictions", "claims") for path in _paths(results, kind)]
    files = files or _paths(results, "metrics")
    if not files or not all(makers(results.lock.outs, path) for path in files):
        return list(results.stale)
    needed = with_upstream(results.lock, files)
    return [stage for stage in results.stale if stage in needed]


def not_comparable_metrics(results):
    """The names of metrics that are not those of the code, though the judgement does not need them.

    Args:
        results: Results.

    Returns:
        set of names.
    """
    return {
        name
        for name, path in results.paths.get("metrics", {}).items()
        if makers(results.lock.outs, path) & results.stale.keys()
    }


def same_inputs(base, head, path, *, ignored=lambda path: False):
    """Whether an output was made from the same declared inputs, up to the sources.

    Args:
        base, head: Results.
        path: of the output.
        ignored: whether an input, by its path, does not count.

    Returns:
        bool; False where one revision's lock does not say what made the output.
    """
    known: dict[str, bool] = {}

    def same_output(path):
        stages = makers(base.lock.outs, path), makers(head.lock.outs, path)
        return bool(stages[0]) and stages[0] == stages[1] and all(map(same_stage, stages[0]))

    def same_stage(name):
        if name not in known:
            known[name] = True  # of a stage that is asked about already
            known[name] = _same_declared(base.lock.stages[name], head.lock.stages[name], same_input)
        return known[name]

    def same_input(path, before, after):
        return before == after or ignored(path) or same_output(path)

    return same_output(path)


def _same_declared(before, after, same_input):
    return (
        before.cmd == after.cmd
        and before.params == after.params
        and before.deps.keys() == after.deps.keys()
        and all(same_input(path, md5, after.deps[path]) for path, md5 in before.deps.items())
    )


def unattributable_models(base, head):
    """Models whose predictions differ for a reason that nobody declared.

    A model is one of them if the same inputs of its training gave other bytes, or if the same
    inputs gave other predictions. The files of other models do not count among a model's inputs.

    Args:
        base, head: Results.

    Returns:
        dict: model to a note that names both machines.
    """
    notes = {}
    for model in base.predictions:
        if model not in head.predictions:
            continue
        if path := _differs_by_itself(base, head, model):
            there, here = (describe_machine(results.origins.get(path)) for results in (base, head))
            notes[model] = (
                f"the same inputs gave other bytes of {path}, so {model} is not judged: "
                f"{base.label} made it {there}, {head.label} {here}"
            )
    return notes


def _differs_by_itself(base, head, model):
    """The first output of a model that has other bytes from the same inputs, or None."""
    others = {
        path
        for kind in ("models", "histories")
        for results in (base, head)
        for name, path in results.paths.get(kind, {}).items()
        if name != model
    }
    for kind in ("models", "predictions"):
        path = head.path(kind, model)
        if path is None or base.path(kind, model) != path:
            continue
        before, after = (md5_of(results.lock, path) for results in (base, head))
        if before != after and same_inputs(base, head, path, ignored=others.__contains__):
            return path
    return None


def _paths(results, kind):
    return list(results.paths.get(kind, {}).values())
