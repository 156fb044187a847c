"""Registered models: a version for each model of other bytes, and the champion among them.

Versions compete by their accuracy on validation, and only with those that were validated on the
same data. The alias `champion` belongs to the data of the first champion. The best version on other
data has the alias `champion-` and the beginning of their MD5. Whoever moves the alias
`champion` by hand to a version on other data gives it to those data. A version without this
module's tags is the user's own and is left alone.
"""

import hashlib
import math
import re

from studykit.tracking.store.datasets import CONTEXTS, data_sets
from studykit.tracking.store.experiment import StoreError, found
from studykit.tracking.store.numbers import numbers_of
from studykit.tracking.store.words import of_version, use

CHAMPION = "champion"
MD5 = "dvc.md5"
DATA = "data.val.md5"  # tag: of the data that the accuracy is of
OF_OTHER_DATA = re.compile(rf"{CHAMPION}-[0-9a-f]{{8}}")  # the alias of the best version on them
CHAMPION_DATA = "champion.data.val.md5"  # tag of the registered model: whose the champion is


def describe_versions(experiment, run, model, figures):
    """Say what the versions are that a training run has registered, how good, and how to use them.

    Args:
        experiment: Experiment.
        run: id.
        model: its name.
        figures: in words, see `words.figures_of_model`.
    """
    for version in experiment.client.search_model_versions(f"run_id = '{run}'"):
        data = version.name.removesuffix(f"-{_bare(model)}")
        if MD5 not in version.tags or data == version.name:
            continue  # a user's own, or that of another model of the same run
        text = of_version(data, model, figures, version.name, version.version)
        if version.description != text:
            experiment.client.update_model_version(version.name, version.version, text)


class Registry:
    """The study's registered models."""

    def __init__(self, experiment):
        self._experiment = experiment
        self._client = experiment.client
        # The tag: `val/accuracy` of `val.accuracy`, and of `val.{model}.accuracy`.
        self._accuracy = experiment.study.accuracy.replace("{model}.", "").replace(".", "/")

    def register(self, record, file, model_id, run):
        """Register a model unless one of the same bytes is; choose the champion.

        Args:
            record: StageRecord of its training.
            file: File of the model.
            model_id: of the model as its run has it.
            run: id.

        Returns:
            What was written: a list of names.
        """
        model = self._experiment.study.outputs.match("models", file.path)
        name = f"{self._experiment.prefix(record)}-{_bare(model)}"
        with self._experiment.locked():
            self._make(name, model)
            version = self._version_of(name, file.md5)
            before = version and version.tags
            if version is None:
                tags = self._tags(record, file, model)
                version = self._add(name, tags, model_id, run)
            elif {DATA, self._accuracy} <= set(before):
                tags = before
            else:
                tags = self._tags(record, file, model)
                self._add_tags(version, tags)
            self._replace_others(name, version.version, file.md5)
            alias, verdict = self._choose(name, version.version, tags)
        if before is None:
            self._experiment.on_news(f"MLflow: {name} version {version.version}, {verdict}")
            return [f"version {version.version} of {name}"]
        written = [f"tags of version {version.version} of {name}"] * (not set(tags) <= set(before))
        return written + ([f"alias {alias} of {name}"] if alias else [])

    def choose_again(self, name, data):
        """Give the alias of the best on some data to the best version that is left on them.

        Args:
            name: of the registered model.
            data: MD5 of the validation data.
        """
        with self._experiment.locked():
            for version in self._versions(name):
                if version.tags.get(DATA) == data:
                    self._choose(name, version.version, version.tags)
                    break

    def _tags(self, record, file, model):
        tags = {"dvc.path": file.path, MD5: file.md5, DATA: self._validated_on(record)}
        accuracy = self._accuracy_of(record, model)
        return tags if accuracy is None else tags | {self._accuracy: str(accuracy)}

    def _make(self, name, model):
        if found(self._client.get_registered_model, name) is not None:
            return
        study = self._experiment.study
        description = (
            f"The model `{model}` of {study.name}; the best on validation is `{CHAMPION}`.\n\n"
            f"{use(f'models:/{name}@{CHAMPION}')}\n\n{study.description}"
        ).strip()
        try:
            self._client.create_registered_model(name, description=description)
        except StoreError:  # another host was quicker
            self._client.get_registered_model(name)

    def _version_of(self, name, md5):
        """The first version of a model of these bytes whose run and model are there, or None."""
        same = [version for version in self._versions(name) if version.tags.get(MD5) == md5]
        return next(filter(self._is_usable, same), None)

    def _versions(self, name):
        versions = self._client.search_model_versions(f"name = '{name}'")
        return sorted(versions, key=lambda version: int(version.version))

    def _is_usable(self, version):
        run = found(self._client.get_run, version.run_id)
        if run is None or run.info.lifecycle_stage != "active":
            return False
        model_id = version.model_id or version.source.removeprefix("models:/")
        return found(self._client.get_logged_model, model_id) is not None

    def _add(self, name, tags, model_id, run):
        return self._client.create_model_version(
            name,
            source=f"models:/{model_id}",
            run_id=run,
            model_id=model_id,
            tags=tags,
        )

    def _replace_others(self, name, number, md5):
        """Delete further versions of the same bytes: their aliases go to the one that stays."""
        others = [
            version.version
            for version in self._versions(name)
            if version.tags.get(MD5) == md5 and int(version.version) != int(number)
        ]
        aliases = self._client.get_registered_model(name).aliases if others else {}
        for alias, version in aliases.items():
            if int(version) in map(int, others):
                self._client.set_registered_model_alias(name, alias, number)
        for version in others:
            found(self._client.delete_model_version, name, version)

    def _add_tags(self, version, tags):
        for key in tags.keys() - version.tags.keys():
            self._client.set_model_version_tag(version.name, version.version, key, tags[key])

    def _choose(self, name, number, tags):
        """Give the alias of the best to the best of all versions on the same data.

        Args:
            name: of the registered model.
            number: of the version that it is chosen because of.
            tags: of that version.

        Returns:
            The alias if it was given to another version, or None; what came of it, in words.
        """
        versions, data = self._versions(name), tags[DATA]
        registered = self._client.get_registered_model(name)
        is_champions = data == self._data_of_champion(registered, versions, data)
        own = f"{CHAMPION}-{data[:8]}"
        alias = CHAMPION if is_champions else own
        if is_champions and own in registered.aliases:
            self._client.delete_registered_model_alias(name, own)
        rivals = {v.version: a for v in versions if (a := self._competes(v, data)) is not None}
        if self._accuracy not in tags or not rivals:
            return None, f"without {self._accuracy}: it does not compete"
        best = max(rivals, key=lambda version: (rivals[version], -int(version)))
        is_moved = str(registered.aliases.get(alias)) != str(best)
        if is_moved:
            self._client.set_registered_model_alias(name, alias, best)
        if is_champions and registered.tags.get(CHAMPION_DATA) != data:
            self._client.set_registered_model_tag(name, CHAMPION_DATA, data)
        verdict = f"{self._accuracy} {float(tags[self._accuracy]):.4f}"
        if int(best) == int(number):
            verdict += f", is the new {alias}"
        else:
            stays = "is" if is_moved else "stays"
            verdict += f"; {alias} {stays} version {best} with {rivals[best]:.4f}"
        if not is_champions:
            verdict += "; it does not compete with the champion, which is of other validation data"
        return alias if is_moved else None, verdict

    def _data_of_champion(self, registered, versions, newcomers):
        """MD5 of the data whose best version is the champion; None where that is a user's own."""
        tags = {str(version.version): version.tags for version in versions}
        champion = tags.get(str(registered.aliases.get(CHAMPION)))
        if champion is not None:  # otherwise there is none, or another host has just deleted it
            return champion.get(DATA)
        noted = registered.tags.get(CHAMPION_DATA)
        return noted if any(version.tags.get(DATA) == noted for version in versions) else newcomers

    def _competes(self, version, data):
        """The accuracy of a version if it can be compared on these data; otherwise None."""
        try:
            accuracy = float(version.tags[self._accuracy])
        except (KeyError, ValueError):
            return None
        return accuracy if version.tags.get(DATA) == data and math.isfinite(accuracy) else None

    def _validated_on(self, record):
        """MD5 of the validation data; of all data sets, where none is called so."""
        sets = data_sets(self._experiment.study, record)
        validation = [path for path, split in sets.items() if CONTEXTS.get(split) == "validation"]
        md5s = sorted(record.deps[path] for path in validation or sets)
        if len(md5s) < 2:
            return md5s[0] if md5s else "unknown"
        return hashlib.md5("".join(md5s).encode()).hexdigest()

    def _accuracy_of(self, record, model):
        """The accuracy on validation among the metrics of a training, or None."""
        study = self._experiment.study
        end = study.accuracy.replace("{model}", model)
        values = numbers_of(study, [record]).items()
        return next((value for name, value in values if f".{name}".endswith(f".{end}")), None)


def _bare(model):
    """A model's name, as a part of one that MLflow takes."""
    return re.sub("[/:]", "_", model)
