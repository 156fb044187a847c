"""The numbers in a stage's files of metrics, by the names that all of the kit knows them by."""

from studykit.documents import parse_json
from studykit.dotted import flatten, metric_prefix
from studykit.tracking.store.outputs import files


def numbers_of(study, record, is_wanted=lambda prefix: True):
    """The numbers that a stage's JSON files hold, those in folders of metrics, too, by their name.

    Args:
        study: Study.
        record: StageRecord.
        is_wanted: whether to read a file, from what the names of its metrics begin with.
    """
    kinds = {path: output.kind for path, output in record.declared.items()}
    paths = [path for path in record.outs if path.endswith(".json") or kinds.get(path) == "metrics"]
    found: dict = {}
    for file in files(study, record, paths):
        prefix = metric_prefix(file.path)
        if file.path.endswith(".json") and is_wanted(prefix) and file.content is not None:
            found |= flatten({prefix: parse_json(file.content.read_bytes(), file.path)})
    numbers = {name: each for name, each in found.items() if isinstance(each, int | float)}
    return study.by_present_name(numbers)
