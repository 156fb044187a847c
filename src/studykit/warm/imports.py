"""Import what is large in half the time."""

import gc
import sys
from contextlib import contextmanager


@contextmanager
def large_imports(*, without=()):
    """Import large libraries in the block, without the garbage collector.

    They make hundreds of thousands of objects that live as long as the process: the collector would
    search them again and again while they are made, and once more at the process's end.

    Args:
        without: packages that a library would import for something that is not used here.
    """
    hidden = [package for package in without if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # to import None fails: the library goes without
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]
        gc.freeze()
        if collects:
            gc.enable()
