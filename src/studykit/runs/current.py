"""Which stages' results are those of a revision's parameters, as far as `dvc.lock` tells.

An experiment that ran up to one stage still holds the metrics of later ones, which are the
baseline's.
"""

from typing import Any

from studykit.dotted import flatten
from studykit.records.pipeline import makers


class Current:
    """Judges the stages of a revision.

    Args:
        pipeline: Pipeline.
        lock: Lock of the same revision.
        params: every parameter by its full name, flat.
    """

    def __init__(self, pipeline, lock, params):
        self._pipeline, self._lock, self._params = pipeline, lock, params
        self._known: dict[str, bool] = {}

    def is_current(self, name):
        """Whether a stage, and all that it needs, ran with these parameters and on each other."""
        if name not in self._known:
            self._known[name] = False  # of a stage that is asked about already
            self._known[name] = self._judge(name)
        return self._known[name]

    def made_from(self, name):
        """What a stage made its outputs from.

        Args:
            name: of the stage.

        Returns:
            dict of the parameters that it and the stages before it declare, flat; and the commands
            and MD5s of sources, by stage.
        """
        stages = self._needed(name)
        params: dict[str, Any] = {}
        code: dict[str, list] = {}
        for name in sorted(stages):
            locked = self._lock.stages[name]
            params |= flatten(locked.params)
            made = self._lock.outs
            sources = {path: md5 for path, md5 in locked.deps.items() if not makers(made, path)}
            code[name] = [locked.cmd, dict(sorted(sources.items()))]
        return params, code

    def _needed(self, name):
        needed, wanted = set(), [name]
        while wanted:
            if (each := wanted.pop()) not in needed and each in self._lock.stages:
                needed.add(each)
                deps = self._lock.stages[each].deps
                wanted += [maker for path in deps for maker in makers(self._lock.outs, path)]
        return needed

    def _judge(self, name):
        stage, locked = self._pipeline.stages.get(name), self._lock.stages.get(name)
        if stage is None or locked is None:
            return False
        if stage.is_frozen:
            return True
        if stage.cmd != locked.cmd or set(stage.deps) != locked.deps.keys():
            return False
        locked_params = flatten(locked.params)
        if any(self._params.get(key) != value for key, value in locked_params.items()):
            return False
        return all(self._is_input_current(path, md5) for path, md5 in locked.deps.items())

    def _is_input_current(self, path, md5):
        maker = self._lock.outs.get(path)
        if maker is not None and self._lock.stages[maker].outs[path] != md5:
            return False
        return all(self.is_current(each) for each in makers(self._lock.outs, path))
