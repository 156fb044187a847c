"""Time per training step of PyTorch: `python -m benchmarks.contenders.pytorch NET DATA HOW`.

HOW is eager, channels_last (and eager) or compiled. Adam is PyTorch's fused one. Images are float32
in [0, 1] beforehand, and no metric is kept: less work than Keras does.
"""

import sys
import time

import numpy as np
import torch
from torch import nn

from benchmarks.processes import Turns

BATCH = 32


def dense():
    layers = [nn.Flatten()]
    for inputs in (784, 30, 30, 30, 30):
        layers += [nn.Linear(inputs, 30), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(30, 10))


def cnn():
    return nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(20, 40, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2)),
        *(nn.Conv2d(40, 60, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2)),
        *(nn.Flatten(), nn.Linear(240, 100), nn.ReLU(), nn.Dropout(0.2), nn.Linear(100, 10)),
    )


def main():
    turns = Turns()
    net, path, how = sys.argv[1:]
    with np.load(path) as data:
        x = torch.from_numpy(data["x"].transpose(0, 3, 1, 2).astype("float32", order="C") / 255)
        y = torch.from_numpy(data["y"].astype("int64"))
    model = {"dense": dense, "cnn": cnn}[net]()
    if how == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    forward = torch.compile(model) if how == "compiled" else model
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, eps=1e-7, fused=True)
    loss = nn.CrossEntropyLoss()
    while True:
        began = time.perf_counter()
        for chosen in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            loss(forward(x[chosen]), y[chosen]).backward()
            optimizer.step()
        turns.answer(1000 * (time.perf_counter() - began) / (len(x) / BATCH))


if __name__ == "__main__":
    main()
