"""Many runs of the study, on one machine or on many: `mnist-study sweep`."""

from mnist_study.trials import TARGET


def run(trials, *, target=TARGET, workers=None):
    """Run the trials that have not run yet.

    Args:
        trials: list of Trial.
        target: the stage that they were expanded for.
        workers: how many run at once; by default as many as there are cores.

    Returns:
        dict: name of each trial that has run, now or before, to its experiment's commit.
    """
    raise NotImplementedError
