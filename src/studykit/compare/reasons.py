"""What changed that can explain other results: parameters and files, the decisive first."""

from dataclasses import dataclass, replace

from studykit.compare.changes import Change, changes
from studykit.compare.lock import with_upstream
from studykit.records.pipeline import FILE, is_below, makers


@dataclass(frozen=True)
class Reason(Change):
    """A parameter or a file that differs; of a file, before and after are its MD5.

    Attributes:
        is_file: whether it is a file, or a stage in `dvc.yaml`.
        explains: whether a stage that a model or its predictions rest on reads it, and made
            something else; what only a report is made from explains no metric.
    """

    is_file: bool = False
    explains: bool = True


def find_reasons(base, head, models):
    """The parameters and files that differ, what the first model was trained with first.

    Args:
        base, head: Results.
        models: the most important first.

    Returns:
        list of Reason; parameters before files that weigh as much.
    """
    changed = {
        name
        for name in base.lock.stages.keys() | head.lock.stages.keys()
        if _outputs(base, name) != _outputs(head, name)
    }
    needed = [stages & changed for stages in _needed(base, head, models)]
    ranked = []
    for reason in (*_parameters(base, head), *_files(base, head), *_stages(base, head)):
        stages = _readers(base, reason) | _readers(head, reason)
        rank = next((place for place, needs in enumerate(needed) if needs & stages), len(needed))
        explains = rank < len(needed) or bool(not needed and stages & changed)
        ranked.append((rank, replace(reason, explains=explains)))
    return [reason for _, reason in sorted(ranked, key=lambda each: each[0])]


def _needed(base, head, models):
    """The stages that results rest on: those that train, what these need, and what predicts."""
    paths = {
        kind: [
            (results.lock, path)
            for model in models
            for results in (head, base)
            if (path := results.path(kind, model))
        ]
        for kind in ("models", "predictions")
    }
    yield from (makers(lock.outs, path) for lock, path in paths["models"])
    yield from (with_upstream(lock, [path]) for each in paths.values() for lock, path in each)


def _outputs(results, stage):
    return stage in results.lock.stages and results.lock.stages[stage].outs


def _parameters(base, head):
    """Parameters of every file; of an entry only those below it, where these changed, too.

    Those of another file that come and go with a parameter of `params.yaml` are left out.
    """
    locked = [
        {
            name: value
            for stage in results.lock.stages.values()
            for name, value in stage.params.items()
            if ":" in name  # of another file than params.yaml
        }
        for results in (base, head)
    ]
    found = changes(base.params, head.params)
    found += [
        change
        for change in changes(*locked)
        if not found or None not in (change.before, change.after)
    ]
    for change in found:
        if not any(other.name.startswith(f"{change.name}.") for other in found):
            yield Reason(change.name, change.before, change.after)


def _files(base, head):
    """Files that stages read and none makes; of a folder, those in it."""
    before, after = _sources(base), _sources(head)
    found = {}
    for path in dict.fromkeys((*after, *before)):
        was = base.files(path)
        now = was and head.files(path)
        locked = ({path: before.get(path)}, {path: after.get(path)})
        for change in changes(*(was, now) if was and now else locked):
            found[change.name] = Reason(change.name, change.before, change.after, is_file=True)
    return found.values()


def _stages(base, head):
    """Stages that `dvc.yaml` has anew, has no longer, or runs by another command."""
    commands = (
        {f"{FILE}:{name}": stage.cmd for name, stage in results.lock.stages.items()}
        for results in (base, head)
    )
    for change in changes(*commands):
        yield Reason(change.name, change.before, change.after, is_file=True)


def _sources(results):
    """MD5 by path of what stages read and none makes."""
    return {
        path: md5
        for stage in results.lock.stages.values()
        for path, md5 in stage.deps.items()
        if not makers(results.lock.outs, path)
    }


def _readers(results, reason):
    """Names of the stages that read it, or that it is itself."""

    def reads(name, stage):
        if reason.name == f"{FILE}:{name}":
            return True
        if reason.is_file:
            return any(path == reason.name or is_below(reason.name, path) for path in stage.deps)
        return any(
            key == reason.name or f"{reason.name}.".startswith(f"{key}.") for key in stage.params
        )

    return {name for name, stage in results.lock.stages.items() if reads(name, stage)}
