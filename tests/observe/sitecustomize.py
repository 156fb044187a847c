"""Watch what a stage really reads, for tests/test_declarations.py.

Python imports this module at its start when the folder is on PYTHONPATH. In each process of a
stage it notes every file of the repository that is opened, every module of the library that is
imported, and every parameter that is read, and writes them down when the process ends.
"""

import atexit
import json
import os
import sys
from multiprocessing import util

stage = next((word for word in sys.orig_argv if word.startswith("stages.")), None)

if stage and os.environ.get("OBSERVED"):
    root = os.getcwd() + os.sep
    opened = {"read": set(), "written": set()}
    parameters = set()

    def on_event(event, arguments):
        if event == "open" and isinstance(arguments[0], str):
            path, mode, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR) if flags else "w" in (mode or "")
            relative_to_a_folder = mode is None and not os.path.isabs(path)  # as rmtree opens
            path = os.path.abspath(path)
            if path.startswith(root) and not relative_to_a_folder:
                opened["written" if writes else "read"].add(path.removeprefix(root))
        if event == "os.rename":
            target = os.path.abspath(os.fspath(arguments[1]))
            if target.startswith(root):
                opened["written"].add(target.removeprefix(root))

    class Recorded:
        """A section of the parameters that notes which of its keys are read."""

        def __init__(self, section, prefix):
            self._section, self._prefix = section, prefix

        def __getattr__(self, name):
            value = getattr(self._section, name)
            if not self._prefix and callable(value):  # which reads through this, too
                return value.__func__.__get__(self)
            path = f"{self._prefix}{name}"
            if not self._prefix:
                return Recorded(value, f"{path}.")
            parameters.add(path)
            return value

    sys.path.insert(0, os.path.join(root, "src"))
    from mnist_study import params

    load = params.load
    params.load = lambda *arguments: Recorded(load(*arguments), "")
    sys.addaudithook(on_event)

    @atexit.register
    def write_down():
        library = os.path.join(root, "src") + os.sep
        files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
        modules = {os.path.join("src", f.removeprefix(library)) for f in files if library in f}
        content = {
            "modules": sorted(modules),
            "parameters": sorted(parameters),
            "read": sorted(opened["read"]),
            "written": sorted(opened["written"]),
        }
        name = os.path.join(os.environ["OBSERVED"], f"{stage}.{os.getpid()}.json")
        with open(name, "w") as file:
            json.dump(content, file)

    # A process that multiprocessing forks leaves out what is registered to be done at exit.
    util.register_after_fork(write_down, lambda _: util.Finalize(None, write_down, exitpriority=0))
