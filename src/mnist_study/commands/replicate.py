"""`mnist-study replicate`: train all nets with other seeds, and collect what came of it.

Each seed is a DVC experiment of the whole pipeline. Interrupted, the same command goes on where it
stopped; when all are done it writes `replication/`, which the stage `replicate` sums up.
"""

import io
import json

import pandas as pd

from mnist_study.replication import COLUMNS, HISTORIES, TRIALS
from mnist_study.study import NETS
from mnist_study.verdicts import MEASURED_ON, measured_on
from studykit.errors import UserError
from studykit.files import write_csv, write_json
from studykit.params import read
from studykit.records.revisions import Revision
from studykit.trials import working_tree
from studykit.trials.sweep import add_vary, add_workers, at_least_one, run_trials
from studykit.trials.trials import expand, seeds


def add_arguments(parser):
    """Describe the command line."""
    parser.add_argument(
        "--seeds", type=at_least_one, default=10, metavar="N", help="0 to N-1; default: 10"
    )
    add_vary(parser)
    add_workers(parser)


def run(arguments):
    """Run the trials that are missing, then write the tables; return the exit status."""
    if arguments.seeds == 1:
        raise UserError("replicate: expected at least 2 seeds, received 1: one has no spread")
    working_tree.restore()
    trials = expand(seeds(arguments.seeds, arguments.vary))
    commits = run_trials(trials, workers=arguments.workers)
    if missing := [trial.name for trial in trials if trial.name not in commits]:
        raise UserError(f"replicate: {len(missing)} of {len(trials)} trials failed, see above")
    tables = [collect(Revision(trial.name, commits[trial.name])) for trial in trials]
    for path, parts in zip((TRIALS, HISTORIES), zip(*tables, strict=True), strict=True):
        write_csv(path, pd.concat(parts))
        print(f"wrote {path}")
    write_json(MEASURED_ON, measured_on(read()))
    print(f"wrote {MEASURED_ON}")
    print("Sum it up: dvc repro && git add replication dvc.lock metrics plots && git commit")
    return 0


def collect(revision):
    """What one trial gave.

    Args:
        revision: Revision of its experiment.

    Returns:
        pandas.DataFrame with a row per net, and one with a row per net and epoch.
    """
    params = revision.params()
    drawn = params["preprocess"]["seed"], params["compute"]["seed"]
    scores = {net: json.loads(revision.read(f"metrics/test/{net}.json")) for net in NETS}
    rows = [(revision.name, *drawn, net, scores[net]["accuracy"]) for net in NETS]
    files = {net: io.BytesIO(revision.read(f"plots/train_{net}/history.csv")) for net in NETS}
    histories = [pd.read_csv(files[net]).assign(trial=revision.name, net=net) for net in NETS]
    return pd.DataFrame(rows, columns=COLUMNS[0]), pd.concat(histories)[list(COLUMNS[1])]
