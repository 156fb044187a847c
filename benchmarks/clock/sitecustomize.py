"""Say where a stage's time goes, for benchmarks/parts.py.

Python imports this module at its start when the folder is on PYTHONPATH. In DVC and in each stage,
forked or not, it charges every moment of the main thread to one part, the innermost that is going
on, and writes the seconds by part into the folder CLOCK when the process ends.
"""

import os
import sys
import time

began = time.perf_counter()


IMPORTS, TRAINING, OTHER = "interpreter and imports", "training", "other"
FORKED = "forked"  # which has a clock of its own
PARTS = {  # of these modules' functions; what one calls is its own part if it is here, too
    "dvc.stage.run": {"cmd_run": "stages"},
    "imagesets.images": {"read": "data"},
    "imagesets.partition": dict.fromkeys(
        ("describe", "first_of_each_class", "split_train_val"), "data"
    ),
    "imagesets.splits": {"load": "data", "save": "data"},
    "mnist_study.report.figures.panels": {"draw_panels": "figures", "write_figures": "figures"},
    "mnist_study.report.figures.pictures": {"choose": "figures"},
    "mnist_study.report.figures.style": dict.fromkeys(("compose", "save", "to_svg"), "figures"),
    "mnist_study.report.findings": {"read_findings": "data"},
    "mnist_study.report.page": {"write_pages": "page"},
    "mnist_study.scores.anatomy": {"describe_layers": "scores"},
    "mnist_study.scores.answers": {"ask": "scores"},
    "mnist_study.scores.evaluation": {"evaluate": "scores", "sum_up": "scores"},
    "mnist_study.scores.robustness": {"disturb_all": "scores", "score": "scores"},
    "mnist_study.training.fit": {"train": TRAINING},
    "mnist_study.training.keras_file": {"save": "saving"},
    "studykit.background": {"_has_failed": "page"},  # written beside the figures
    "studykit.files": dict.fromkeys(
        ("write_arrays", "write_csv", "write_json", "write_text"), "saving"
    ),
    "studykit.params": {"check_all": "parameters", "load": "parameters"},
    "studykit.records.origins": {"record": "saving"},
    "studykit.sources": {"fetch_files": "data"},
    "studykit.tracking.run": dict.fromkeys(
        ("Run.__init__", "Run.log_outputs", "Run.end"), "MLflow"
    ),
    "studykit.warm.forking": {"_find_server": IMPORTS, "_wait": FORKED},
}


def clocked():
    """What this process is: a stage, by its module, or DVC, or neither."""
    words = sys.orig_argv
    return next((word for word in words if word == "dvc" or word.startswith("stages.")), None)


forks = "studykit.warm.fork_server" in sys.orig_argv
if os.environ.get("CLOCK") and (clocked() or forks):
    import atexit
    import builtins
    import functools
    import json
    import threading
    from importlib.machinery import PathFinder

    seconds = {}
    going_on = [OTHER]
    since = began

    def charge():
        global since
        now = time.perf_counter()
        seconds[going_on[-1]] = seconds.get(going_on[-1], 0) + now - since
        since = now

    def timed(part, function):
        @functools.wraps(function)
        def call(*arguments, **keywords):
            charge()
            going_on.append(part)
            try:
                return function(*arguments, **keywords)
            finally:
                charge()
                going_on.pop()

        return call

    class Finder:
        """Wraps the functions of PARTS as soon as their module has been executed."""

        @staticmethod
        def find_spec(name, path, target=None):
            if name not in PARTS or (spec := PathFinder.find_spec(name, path)) is None:
                return None
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                for function, part in PARTS[name].items():
                    *owners, last = function.split(".")
                    owner = functools.reduce(getattr, owners, module)
                    setattr(owner, last, timed(part, getattr(owner, last)))

            spec.loader.exec_module = exec_module
            return spec

    plain_import = builtins.__import__
    timed_import = timed(IMPORTS, plain_import)

    def outermost_import(*arguments, **keywords):
        inside = going_on[-1] in (IMPORTS, TRAINING)
        if inside or threading.current_thread() is not threading.main_thread():
            return plain_import(*arguments, **keywords)
        return timed_import(*arguments, **keywords)

    sys.meta_path.insert(0, Finder)
    builtins.__import__ = outermost_import

    def write_down():
        charge()
        if process := clocked():
            name = os.path.join(os.environ["CLOCK"], f"{os.getpid()}.json")
            with open(name, "w") as file:
                json.dump({"process": process, "seconds": seconds}, file)

    atexit.register(write_down)

    if forks:
        from multiprocessing import util

        server = os.getpid()

        def start_anew(_):
            global since
            since = time.perf_counter()
            seconds.clear()
            going_on[:] = [OTHER]
            if os.getppid() == server:  # and not a stage, whose own children do not count
                # What is registered with atexit is not run in a fork.
                util.Finalize(None, write_down, exitpriority=0)

        util.register_after_fork(start_anew, start_anew)
