"""Watch what a stage really uses, for tests/test_declarations.py.

Python imports this module at its start when the folder is on PYTHONPATH. In the process of a stage
it waits until the launcher hands over to the stage's script. From then on it notes each module of
the study that is imported, each parameter that is read, of `params.yaml` and of the data set's
entry, and each file of the repository that the study opens, and writes them down when the process
ends. What the kit opens is the kit's business.
"""

import atexit
import json
import os
import sys
from types import CodeType

STUDY = ("imagesets", "mnist_study", "netserve")  # its packages
CATALOGUE = "datasets.yaml"
stage = next((word for word in sys.orig_argv if word.startswith("stages.")), None)

if stage and os.environ.get("OBSERVED"):
    root = os.getcwd() + os.sep
    script = os.path.join(root, *stage.split(".")) + ".py"
    kit = f"{os.sep}src{os.sep}studykit{os.sep}"  # of this repository, or as it is installed
    hands = (f"{kit}files.py", f"{kit}sources.py")  # they open what the study asks them to
    opened = {"read": set(), "written": set()}
    parameters = set()
    begun = False

    def on_event(event, arguments):
        if not begun:
            if event == "exec" and is_script(arguments[0]):
                begin()
        elif event == "open" and isinstance(arguments[0], str):
            path, mode, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR) if flags else "w" in (mode or "")
            relative_to_a_folder = mode is None and not os.path.isabs(path)  # as rmtree opens
            if not relative_to_a_folder:
                note("written" if writes else "read", path)
        elif event == "os.rename":
            note("written", os.fspath(arguments[1]))

    def is_script(code):
        return isinstance(code, CodeType) and os.path.abspath(code.co_filename) == script

    def begin():
        """From here on all is the stage's, also what the launcher has imported already."""
        global begun
        for name in [name for name in sys.modules if name.partition(".")[0] in STUDY]:
            del sys.modules[name]
        from studykit import params

        load, check = params.load, params.check
        params.load = lambda *arguments, **schemas: Recorded(load(*arguments, **schemas))
        params.check = lambda *arguments, within=(): recorded_entry(
            check(*arguments, within=within), *within
        )
        begun = True

    def recorded_entry(checked, *within):
        """What `check` returns; an entry of the catalogue notes which of its fields are read."""
        if within:
            note_fields(type(checked), f"{CATALOGUE}:{within[0]}.")
        return checked

    def note_fields(kind, prefix):
        """Also those that its own properties read; its name is known before it is read."""

        def read(entry, name):
            if name in kind.model_fields and name != "name":
                parameters.add(f"{prefix}{name}")
            return object.__getattribute__(entry, name)

        kind.__getattribute__ = read

    def note(kind, path):
        path = os.path.abspath(path)
        if path.startswith(root) and is_asked_by_the_study():
            opened[kind].add(path.removeprefix(root))

    def is_asked_by_the_study():
        """Whether the innermost code of the study or the kit, its hands aside, is the study's."""
        frame = sys._getframe()
        while frame := frame.f_back:
            file = os.path.abspath(frame.f_code.co_filename)
            if not file.endswith(hands) and (kit in file or file.startswith(root)):
                return kit not in file
        return False

    class Recorded:
        """What `load` returns, with sections that note which of their keys are read."""

        def __init__(self, loaded):
            self._loaded = loaded

        def __getattr__(self, name):
            section = getattr(self._loaded, name)
            kind = RecordedDict if isinstance(section, dict) else RecordedSection
            return kind(section, f"{name}.")

        def __iter__(self):
            return ((name, getattr(self, name)) for name, _ in self._loaded)

    class RecordedSection:
        """A section that is checked by a schema."""

        def __init__(self, section, prefix):
            self._section, self._prefix = section, prefix

        def __getattr__(self, name):
            parameters.add(f"{self._prefix}{name}")
            return getattr(self._section, name)

    class RecordedDict(dict):
        """A section that is taken as it is."""

        def __init__(self, section, prefix):
            super().__init__(section)
            self._prefix = prefix

        def __getitem__(self, key):
            parameters.add(f"{self._prefix}{key}")
            return super().__getitem__(key)

        def items(self):
            return [(key, self[key]) for key in self]

        def values(self):
            return [self[key] for key in self]

    sys.addaudithook(on_event)

    @atexit.register
    def write_down():
        if not begun:  # a process that only has the stage's name in its arguments
            return
        names = {name for name in sys.modules if name.partition(".")[0] in STUDY}
        files = {getattr(sys.modules[name], "__file__", None) or "" for name in names}
        content = {
            "modules": sorted(file.removeprefix(root) for file in files if file.startswith(root)),
            "parameters": sorted(parameters),
            "read": sorted(opened["read"]),
            "written": sorted(opened["written"]),
        }
        name = os.path.join(os.environ["OBSERVED"], f"{stage}.{os.getpid()}.json")
        with open(name, "w") as file:
            json.dump(content, file)
