"""Time per training step of plain Keras: `python -m benchmarks.contenders.plain_keras NET DATA`."""

import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np

from benchmarks.contenders import notebook
from benchmarks.processes import Turns


class EachEpoch(keras.callbacks.Callback):
    """Answers with the milliseconds per step of each epoch."""

    def __init__(self, turns):
        super().__init__()
        self._turns = turns

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self._began
        self._turns.answer(1000 * seconds / self.params["steps"])


def main():
    turns = Turns()
    net, path = sys.argv[1:]
    with np.load(path) as data:
        x = data["x"].astype("float32") / 255
        y = keras.utils.to_categorical(data["y"], 10)
    model = getattr(notebook, net)()
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=sys.maxsize, verbose=0, callbacks=[EachEpoch(turns)])


if __name__ == "__main__":
    main()
