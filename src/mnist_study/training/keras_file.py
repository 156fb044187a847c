"""Save a Keras model as a file whose bytes depend on the model alone.

A `.keras` file is a zip archive of `config.json`, `metadata.json` and `model.weights.h5`. What
varies in it from one run to the next is taken out here: the date in the metadata, the time of each
entry, and the addresses that number shared objects.

Source: https://keras.io/guides/serialization_and_saving/
"""

import io
import json
import zipfile

from studykit.files import atomic_write

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip entry can hold


def save(path, model):
    """Save a model for `keras.saving.load_model`: the same weights give the same bytes.

    Args:
        path: file name that ends in `.keras`.
        model: keras.Model, built and compiled.
    """
    with atomic_write(path) as beside:
        model.save(beside)
        members = _read_members(beside.read_bytes())
        metadata = json.loads(members["metadata.json"])
        del metadata["date_saved"]
        members["metadata.json"] = json.dumps(metadata).encode()
        config = json.loads(members["config.json"])
        members["config.json"] = json.dumps(_renumber(config, {})).encode()
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
            for name in sorted(members):
                archive.writestr(zipfile.ZipInfo(name, EARLIEST), members[name])


def _read_members(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def _renumber(node, numbers):
    """Number shared objects in the order in which they appear, not by their addresses."""
    if isinstance(node, list):
        return [_renumber(item, numbers) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: numbers.setdefault(value, len(numbers) + 1)
        if key == "shared_object_id"
        else _renumber(value, numbers)
        for key, value in node.items()
    }
