"""Import large libraries: without the garbage collector, and without their messages.

Nothing else switches the collector off. Large libraries make hundreds of thousands of objects that
live as long as the process. The collector would search them again and again while they are made,
and once more at the end.
"""

import gc
import os
import sys
import tempfile
from contextlib import contextmanager


def pause_collector():
    """Switch the collector off, until `resume_collector`."""
    gc.disable()


def resume_collector():
    """Switch the collector on; what has been imported so far is never searched again."""
    gc.freeze()
    gc.enable()


@contextmanager
def large_imports(*, without=()):
    """Import large libraries in the block, without the collector, which takes half the time.

    Args:
        without: packages that a library would import for something that is not used here.
    """
    hidden = [package for package in without if package not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # to import None fails: the library goes without
    was_on = gc.isenabled()
    pause_collector()
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]
        gc.freeze()
        if was_on:
            resume_collector()


@contextmanager
def stderr_held_back():
    """Hold back what native code writes to standard error, unless the block fails.

    TensorFlow 2.21 logs through Abseil before any log level takes effect, so TF_CPP_MIN_LOG_LEVEL
    does not stop it.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(stderr, held.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
