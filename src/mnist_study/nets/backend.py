"""Which of Keras' backends a process computes with: chosen before Keras is imported, for good."""

import sys

_chosen = "tensorflow"  # which everything but training keeps to, whatever trained the nets


def choose(name):
    """Choose the backend.

    Args:
        name: as Keras calls it: tensorflow, jax or torch.

    Raises:
        RuntimeError: Keras has been imported with another.
    """
    global _chosen
    if name != _chosen and "keras" in sys.modules:
        raise RuntimeError(f"expected Keras not to be imported yet, received {name} after it was")
    _chosen = name


def chosen():
    """The backend's name."""
    return _chosen
