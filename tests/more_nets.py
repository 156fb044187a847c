"""A copy of the study with another number of nets, by what CONTRIBUTING says that a net takes."""

import re

MODULE = '''"""Softmax regression: the pixels, weighted."""

from mnist_study.nets import classifier
from mnist_study.training.params import Training

TITLE, PLACE = "{title}", {place}


class Params(Training):
    """The section train_{net}."""


def build(params, **data):
    """Build the net, as nets.classifier describes it."""
    from mnist_study.compute import keras

    return classifier("{net}", [keras.layers.Flatten(name="flatten")], **data)
'''
SECTION = """
train_{net}:
  optimizer: adam
  learning_rate: 0.01
  batch_size: 32
  shards: 1
  jit_compile: true
  epochs: 1
"""
OF_DENSE = "hidden_layers|units|activation"


def add_net(study, net, title, place, *, stage=True, evaluate=True, report=True):
    """Add a net to a TinyStudy: module, section, script, and its lines in `dvc.yaml`.

    Args:
        study: TinyStudy.
        net: its name.
        title: what sentences call it.
        place: among the nets.
        stage, evaluate, report: whether these stages of `dvc.yaml` are told of it.
    """
    study.write(f"src/mnist_study/nets/{net}.py", MODULE.format(net=net, title=title, place=place))
    params = study.read("params.yaml")
    study.write(
        "params.yaml", params.replace("\nevaluate:", SECTION.format(net=net) + "\nevaluate:")
    )
    study.write(f"stages/train_{net}.py", study.read("stages/train_dense.py").replace("dense", net))
    pipeline = study.read("dvc.yaml")
    if stage:
        block = re.search(r"  train_dense:\n.*?\n\n", pipeline, re.DOTALL)[0]
        block = re.sub(rf".*train_dense\.({OF_DENSE})\n", "", block).replace("dense", net)
        pipeline = pipeline.replace("  evaluate:\n", f"{block}  evaluate:\n", 1)
    before, judged = pipeline.split("  evaluate:\n")
    of_evaluate, of_report = judged.split("  report:\n")
    if evaluate:
        of_evaluate = _add(of_evaluate, net, "models/{}.keras", "plots/train_{}/history.csv")
    if report:
        files = ("metrics/val/{}.json", "plots/train_{}/history.csv")
        of_report = _add(of_report, net, "train_{}", *files)
    study.write("dvc.yaml", f"{before}  evaluate:\n{of_evaluate}  report:\n{of_report}")


def remove_net(study, net):
    """Remove a net from a TinyStudy."""
    for path in (f"src/mnist_study/nets/{net}.py", f"stages/train_{net}.py"):
        (study.root / path).unlink()
    params = study.read("params.yaml")
    study.write("params.yaml", re.sub(rf"train_{net}:\n(  .*\n)+\n", "", params))
    pipeline = re.sub(rf"  train_{net}:\n.*?\n\n", "", study.read("dvc.yaml"), flags=re.DOTALL)
    pipeline = re.sub(rf"  - {net}_\w+:\n(    .*\n)+|  {net}:\n(    .*\n)+", "", pipeline)
    study.write("dvc.yaml", re.sub(rf".*\b(train_)?{net}\b.*\n", "", pipeline))


def _add(text, net, *lines):
    """Beside each of the dense net's lines, one of the other net."""
    for line in lines:
        of_dense = f"      - {line.format('dense')}\n"
        assert of_dense in text
        text = text.replace(of_dense, of_dense + of_dense.replace("dense", net))
    return text
