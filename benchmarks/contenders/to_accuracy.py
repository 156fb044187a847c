"""Train until an accuracy: `python -m benchmarks.contenders.to_accuracy` and seven words.

They are WAY NET TRAIN VAL SEED GOAL EPOCHS. Prints JSON: the seconds from the first step to the end
of the validation that reached GOAL, the epochs, and the accuracy. What comes before the first step,
imports, building and compiling the net, is not in the seconds.
"""

import json
import os
import sys
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class Reached(Exception):  # noqa: N818  no error
    """The goal is reached, or the epochs are used up."""


class Clock:
    """Counts seconds and epochs, and says when it is enough."""

    def __init__(self, goal, most):
        self._goal, self._most = goal, most
        self.epochs, self.accuracy = 0, 0.0
        self._began = time.perf_counter()

    def epoch(self, accuracy):
        """An epoch and its validation are over; raises Reached."""
        self.epochs, self.accuracy = self.epochs + 1, float(accuracy)
        self.seconds = time.perf_counter() - self._began
        if self.accuracy >= self._goal or self.epochs == self._most:
            raise Reached


def project(net, train, val, seed, clock):
    """As the stage trains it, with the parameters of `params.yaml`."""
    from benchmarks.study import prepare
    from imagesets import splits

    _, _, fit = prepare(net, epochs=sys.maxsize, compute={"seed": seed})
    parts = splits.load(train), splits.load(val)
    started = clock()
    fit(*parts, on_epoch=lambda row, images_per_second: started.epoch(row["val/accuracy"]))


def keras(net, train, val, seed, clock):
    """The same net by `model.fit` with its defaults."""
    from benchmarks.contenders import notebook

    _fit_keras(getattr(notebook, net)(), 32, train, val, seed, clock)


def keras_example(net, train, val, seed, clock):
    """The convolutional net of Keras' examples for MNIST, in batches of 128.

    Source: F. Chollet, "Simple MNIST convnet", keras.io/examples/vision/mnist_convnet (2015, 2020).
    """
    import keras as k

    model = k.Sequential(
        [
            k.Input((28, 28, 1)),
            k.layers.Conv2D(32, 3, activation="relu"),
            k.layers.MaxPooling2D(),
            k.layers.Conv2D(64, 3, activation="relu"),
            k.layers.MaxPooling2D(),
            k.layers.Flatten(),
            k.layers.Dropout(0.5),
            k.layers.Dense(10, activation="softmax"),
        ]
    )
    _fit_keras(model, 128, train, val, seed, clock)


def _fit_keras(model, batch, train, val, seed, clock):
    import keras as k

    k.utils.set_random_seed(seed)
    (x, y), validation = (_floats(path, k.utils.to_categorical) for path in (train, val))
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    started = clock()

    class EachEpoch(k.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            started.epoch(logs["val_accuracy"])

    model.fit(
        x,
        y,
        batch_size=batch,
        epochs=sys.maxsize,
        validation_data=validation,
        verbose=0,
        callbacks=[EachEpoch()],
    )


def pytorch_example(net, train, val, seed, clock):
    """The net of PyTorch's examples for MNIST: Adadelta, batches of 64, a rate that falls by 0.7.

    Source: github.com/pytorch/examples, mnist/main.py; images normalised as there.
    """
    import torch
    from torch import nn

    torch.manual_seed(seed)
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Dropout(0.25), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU()),
        *(nn.Dropout(0.5), nn.Linear(128, 10)),
    )
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    falling = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.7)
    loss = nn.CrossEntropyLoss()
    (x, y), (x_val, y_val) = (
        (torch.from_numpy((a.reshape(-1, 1, 28, 28) - 0.1307) / 0.3081), torch.from_numpy(b))
        for a, b in (_floats(path, lambda y, _: y.astype("int64")) for path in (train, val))
    )
    started = clock()
    while True:
        model.train()
        for chosen in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            loss(model(x[chosen]), y[chosen]).backward()
            optimizer.step()
        falling.step()
        model.eval()
        with torch.no_grad():
            answers = torch.cat([model(part).argmax(1) for part in x_val.split(1000)])
        started.epoch((answers == y_val).float().mean())


def _floats(path, encode):
    """Images in [0, 1], float32 (n, height, width, 1), and labels."""
    with np.load(path) as data:
        return data["x"].astype("float32") / 255, encode(data["y"], 10)


def main():
    way, net, train, val, seed, goal, most = sys.argv[1:]
    clocks = []

    def clock():
        clocks.append(Clock(float(goal), int(most)))
        return clocks[0]

    try:
        globals()[way](net, train, val, int(seed), clock)
    except Reached:
        done = clocks[0]
        found = {"seconds": done.seconds, "epochs": done.epochs, "accuracy": done.accuracy}
        print(json.dumps(found))


if __name__ == "__main__":
    main()
