"""The study as a notebook has it: plain Keras with its defaults, nothing tracked.

    python notebook.py FOLDER EPOCHS [keras|tensorflow]

FOLDER holds the four files of MNIST. The last word turns on MLflow's autologging of that name.
"""

import sys
import time

import keras
import numpy as np
from keras import layers


def load(folder):
    """MNIST as a notebook holds it: images float32 in [0, 1], labels one-hot."""

    def read(name, offset):
        return np.fromfile(f"{folder}/{name}-ubyte", np.uint8, offset=offset)

    def split(part):
        x = read(f"{part}-images-idx3", 16).reshape(-1, 28, 28, 1).astype("float32") / 255
        return x, keras.utils.to_categorical(read(f"{part}-labels-idx1", 8), 10)

    return *split("train"), *split("t10k")


def dense():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            *(layers.Dense(30, activation="relu") for _ in range(5)),
            layers.Dense(10, activation="softmax"),
        ]
    )


def cnn():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(20, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(40, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.2),
            layers.Conv2D(60, 2, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(100, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


if __name__ == "__main__":
    folder, epochs, *autolog = sys.argv[1:]
    if autolog:
        import mlflow

        getattr(mlflow, autolog[0]).autolog()
    x_train, y_train, x_test, y_test = load(folder)
    trainings = 0.0
    for build in (dense, cnn):
        model = build()
        model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
        began = time.perf_counter()
        model.fit(x_train, y_train, validation_split=0.15, epochs=int(epochs))
        trainings += time.perf_counter() - began
        model.evaluate(x_test, y_test)
    print(f"\ntrainings: {trainings} s")
