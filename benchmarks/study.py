"""The study's nets as its stages train them: the only module of the benchmarks that knows how."""

from functools import partial

NETS = {"dense": "dense net", "cnn": "CNN"}


def prepare(net, *, compute=None, set_up=lambda: None, **changes):
    """Configure TensorFlow and build a net by the current folder's parameters.

    Args:
        net: of NETS.
        compute: what replaces keys of the parameters' section `compute`.
        set_up: called when TensorFlow is configured, before its first operation.
        changes: what replaces keys of the net's own section.

    Returns:
        The keras.Model; its section of the parameters; and the function that trains it, from two
        Splits, for training and for validation, and `on_epoch` to the history.
    """
    from mnist_study.nets import networks  # imports TensorFlow, which not every caller needs
    from mnist_study.nets.compute import configure
    from mnist_study.nets.training import train
    from mnist_study.params import load

    params = load()
    section = getattr(params, f"train_{net}").model_copy(update=changes)
    settings = params.compute.model_copy(update=compute or {})
    configure(settings)
    set_up()
    model = getattr(networks, f"build_{net}")(section)
    fit = partial(
        train,
        model,
        params=section,
        seed=settings.seed,
        steps_per_execution=settings.steps_per_execution,
    )
    return model, section, fit


def save_model(path, model):
    """Save a model as its stage does."""
    from mnist_study.nets import keras_file

    keras_file.save(path, model)
