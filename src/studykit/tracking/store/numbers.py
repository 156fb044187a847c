"""The numbers in a stage's files of metrics, by the names that all of the kit knows them by."""

from studykit.documents import parse_json
from studykit.dotted import flatten, metric_prefix
from studykit.tracking.store.outputs import files


def numbers_of(study, records, is_wanted=lambda prefix: True):
    """The numbers that stages' JSON files hold, those in folders of metrics, too, by their name.

    Args:
        study: Study.
        records: StageRecords.
        is_wanted: whether to read a file, from what the names of its metrics begin with.
    """
    found: dict = {}
    for record in records:
        kinds = {path: output.kind for path, output in record.declared.items()}
        paths = [p for p in record.outs if p.endswith(".json") or kinds.get(p) == "metrics"]
        for file in files(study, record, paths):
            prefix = metric_prefix(file.path)
            if file.path.endswith(".json") and is_wanted(prefix) and file.content is not None:
                found |= flatten({prefix: parse_json(file.content.read_bytes(), file.path)})
    numbers = {name: each for name, each in found.items() if isinstance(each, int | float)}
    return study.by_present_name(numbers)
