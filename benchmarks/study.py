"""The study's nets as its stages train them: the only module of the benchmarks that knows how."""

from functools import partial
from importlib import import_module

from mnist_study.training.params import Compute
from studykit.params import load


def prepare(
    net, *, image_shape=(28, 28, 1), num_classes=10, compute=None, set_up=lambda: None, **changes
):
    """Configure TensorFlow and build a net by the current folder's parameters.

    Args:
        net: of mnist_study.study.NETS.
        image_shape, num_classes: of the data; by default MNIST's.
        compute: what replaces keys of the parameters' section `compute`.
        set_up: called when TensorFlow is configured, before its first operation.
        changes: what replaces keys of the net's own section.

    Returns:
        The keras.Sequential; its section of the parameters; and the function that trains it, from
        two Splits, for training and for validation, and `on_epoch` to the history.
    """
    module = import_module(f"mnist_study.nets.{net}")
    section = f"train_{net}"
    params = load(**{section: module.Params, "compute": Compute})
    own = getattr(params, section).model_copy(update=changes)
    settings = params.compute.model_copy(update=compute or {})
    # Only now: TensorFlow takes seconds to import, and not every caller needs it.
    from mnist_study.compute import configure
    from mnist_study.training.fit import train

    configure(settings)
    set_up()
    model = module.build(own, image_shape=image_shape, num_classes=num_classes)
    fit = partial(
        train,
        model,
        params=own,
        seed=settings.seed,
        steps_per_execution=settings.steps_per_execution,
    )
    return model, own, fit
