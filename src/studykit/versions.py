"""Which version of a library is installed, also where it is installed under another name."""

from importlib.metadata import PackageNotFoundError, version

# A package built for other processors is published under a name of its own: `tensorflow-cpu` and
# `onnxruntime-gpu` are imported, and meant, as `tensorflow` and `onnxruntime`.
BUILDS = ("", "-cpu", "-gpu")


def version_of(library):
    """The version of a library, whatever it was built for; raises PackageNotFoundError."""
    for build in BUILDS:
        try:
            return version(library + build)
        except PackageNotFoundError:
            continue
    raise PackageNotFoundError(library)
