"""Many runs of the study, on one machine or on many: the command `sweep`.

Each is a DVC experiment. Those that have run are not run again, so an interrupted sweep is gone on
with by the same command. Without RAY_ADDRESS nothing here imports Ray.
"""

import argparse
import os
from contextlib import closing

from studykit.errors import UserError, uninterrupted
from studykit.records.git import git
from studykit.records.pipeline import Pipeline
from studykit.records.revisions import resolve
from studykit.records.trees import WorkingTree
from studykit.runs.entries import read_entries
from studykit.runs.summary import summarise
from studykit.study import load_study
from studykit.trials import working_tree
from studykit.trials.progress import Progress
from studykit.trials.trials import done, expand, experiments_of, grid, lines, seeds


def add_arguments(parser):
    """Describe the command line."""
    parser.description += " RAY_ADDRESS names a Ray cluster to run them on."
    parser.add_argument(
        "values", nargs="*", metavar="KEY=VALUE,VALUE",
        help="values of a parameter, as `dvc exp run -S` takes them; several are multiplied",
    )  # fmt: skip
    parser.add_argument(
        "--seeds", type=at_least_one, metavar="N", help="repeat with the seeds 0 to N-1"
    )
    add_vary(parser)
    parser.add_argument(
        "--file", type=os.path.abspath, metavar="FILE",
        help="a trial a line: KEY=VALUE, apart by spaces",
    )  # fmt: skip
    parser.add_argument(
        "--target", metavar="STAGE", help="the last stage; default: last_stage in studykit.yaml"
    )
    add_workers(parser)


def add_vary(parser):
    """What seeds are for."""
    parser.add_argument(
        "--vary", metavar="NAME",
        help="what the seeds are for: a name under seeds in studykit.yaml; default: all of them",
    )  # fmt: skip


def add_workers(parser):
    """How many trials run at once."""
    parser.add_argument(
        "-j",
        "--workers",
        type=at_least_one,
        metavar="N",
        help="trials at once; default: one a core",
    )


def run(arguments):
    """Expand the command line to trials and run them; the exit status is 1 if one has failed."""
    working_tree.restore()
    choices = [grid(arguments.values)]
    if arguments.file:
        choices.insert(0, lines(arguments.file))
    if arguments.seeds:
        choices.append(seeds(arguments.seeds, arguments.vary))
    if not choices[1:] and not arguments.values:
        raise UserError("sweep: expected --seeds, values or --file, received none")
    trials = expand(*choices, target=arguments.target)
    before = len(done(trials))
    commits = run_trials(trials, target=arguments.target, workers=arguments.workers)
    failed = len(trials) - len(commits)
    study = load_study()
    entries = read_entries(experiments_of(commits), study)
    if table := summarise(entries, study, stages=stages(arguments.target or study.last_stage)):
        print(f"{table}\n")
    print(f"{len(trials)} trials: {len(commits)} done ({before} before), {failed} failed")
    return int(failed > 0)


def stages(target):
    """Names of the stages that a target needs, itself included; all where it is None."""
    return {stage.name for stage in Pipeline.of(WorkingTree()).needed_by(target)}


def run_trials(trials, *, target=None, workers=None):
    """Run the trials that have not run yet.

    Args:
        trials: list of Trial.
        target: the stage that they were expanded for; by default the study's last one.
        workers: how many run at once; by default as many as there are cores.

    Returns:
        dict: name of each trial that has run, now or before, to its experiment's commit.

    Raises:
        UserError: the trials cannot be run at all.
    """
    target = target or load_study().last_stage
    if git("rev-parse", "--verify", "--quiet", "HEAD") is None:
        raise UserError(
            "the current folder: expected a commit that experiments start from, found none; "
            "git add . && git commit"
        )
    before = done(trials)
    left = [trial for trial in trials if trial.name not in before]
    with Progress(load_study(), len(trials), experiments_of(before), stages(target)) as progress:
        for trial in left:
            if trial.error:
                progress.finish(trial.name, trial.error)
        sound = [trial for trial in left if not trial.error]
        if sound:
            _follow(_runner()(sound, target=target, workers=workers), progress)
    return done(trials)


def _follow(events, progress):
    """Show a runner's Events and log the trials that are done."""
    logs = True
    with closing(events):
        try:
            for event in events:
                progress.show(event)
                if event.name and not event.error:
                    logs = logs and _log(event.name)
                    progress.see(experiments_of([event.name]))
        except KeyboardInterrupt:
            events.close()
            print("stopped; the same command goes on from here", flush=True)
            raise


def _runner():
    """What runs trials: the cluster that RAY_ADDRESS names, or this machine."""
    if not os.environ.get("RAY_ADDRESS"):
        from studykit.trials import dvc_queue

        return dvc_queue.run
    try:
        from studykit.trials import ray_cluster
    except ImportError as missing:
        raise UserError(f"RAY_ADDRESS is set: {missing}; pip install '.[ray]'") from None
    return ray_cluster.run


def _log(name):
    """Write to MLflow what it lacks of a trial: stages that came from a cache or a cluster.

    Returns:
        Whether MLflow can be reached.
    """
    from studykit.tracking.sync import sync

    with uninterrupted():  # around the handler: an error that is caught must not swallow Ctrl-C
        try:
            sync([resolve(name)], say=lambda text: None)
        except UserError as error:
            print(f"warning: {error}: {load_study().command} sync --all", flush=True)
            return False
    return True


def at_least_one(text):
    """Read a number from the command line."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, received {text}")
    return int(text)
