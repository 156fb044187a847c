"""MLflow's store. Only the modules of this package import MLflow.

A run is written from a StageRecord: its parameters, the files behind its outputs, their MD5s. A
live run and one that is restored later from DVC take the same path, so they hold the same.
"""

from studykit.tracking.store.database import AdvisedError
from studykit.tracking.store.experiment import StoreError
from studykit.tracking.store.store import Store

__all__ = ["AdvisedError", "Store", "StoreError"]
