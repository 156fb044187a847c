"""Runs: one for each execution of the pipeline, with those of its stages below it.

Processes of one host take turns. Those of several hosts that write the same to one server cannot:
each looks again after it has written, and all keep the same one, the oldest.
"""

from dataclasses import replace

import psutil

from studykit import processes
from studykit.dotted import flatten
from studykit.records.pipeline import FILE
from studykit.tracking import provenance
from studykit.tracking.store.datasets import log_data_sets
from studykit.tracking.store.experiment import StoreError, as_param, found, name
from studykit.tracking.store.words import about

RUNNING = "RUNNING"
PARENT = "mlflow.parentRunId"


def find(experiment, key):
    """The finished runs of a StageRecord's key, newest first."""
    return experiment.search(f"tags.`dvc.key` = '{key}' and attributes.status = 'FINISHED'")


def create(experiment, record, origin):
    """Make the run of a stage, with what is known when it begins.

    Args:
        experiment: Experiment.
        record: StageRecord.
        origin: Provenance.

    Returns:
        The run's id.
    """
    parent = _parent(experiment, origin)
    tags = origin.tags | {
        "execution": origin.execution,
        "kind": "stage",
        "tracker": _me(),
        "dvc.stage": record.stage,
        PARENT: parent,
        "mlflow.source.name": f"dvc.yaml:{record.stage}",
        "mlflow.source.git.commit": origin.tags["git.commit"],
        "mlflow.note.content": f"No result yet. Stage `{record.stage}` of {origin.name}.",
    }
    run = experiment.client.create_run(
        experiment.id, origin.time, tags, f"{record.stage} · {origin.name}"
    ).info.run_id
    own = f"{record.stage.partition('@')[0]}."  # a stage's own section of the parameters
    params = {key.removeprefix(own): value for key, value in flatten(record.params).items()}
    experiment.log(run, params=params)
    log_data_sets(experiment, run, record)
    return run


def end(experiment, run, status):
    """Close the run of a stage that was running now, and its parent."""
    parent = experiment.client.get_run(run).data.tags[PARENT]
    for each in (run, parent):
        experiment.client.set_terminated(each, status)


def finish(experiment, run):
    """Close a run that is written from DVC's files: DVC does not know how long it took."""
    experiment.client.update_run(run, "FINISHED")


def within_its_execution(experiment, origin):
    """An origin, as part of the execution that a revision's other stages were run by.

    So there is one parent for a pipeline of which some stages ran and the others were up to date.

    Args:
        experiment: Experiment.
        origin: Provenance of a revision.

    Returns:
        Provenance: the given one, where there is no such execution. There is one where its
        parameters are the revision's, and every stage that it ran is as the revision has it.
    """
    if not origin.stages or _parents(experiment, origin.execution):
        return origin
    ids = {run.data.tags[PARENT] for key in origin.stages for run in find(experiment, key)}
    parents = [found(experiment.client.get_run, each) for each in ids]
    for parent in sorted(filter(None, parents), key=_age):
        if _is_of_revision(experiment, parent, origin):
            execution = parent.data.tags["execution"]
            return replace(origin, name=parent.info.run_name, execution=execution)
    return origin


def _is_of_revision(experiment, parent, origin):
    params = {name(key): as_param(value) for key, value in origin.params.items()}
    if parent.info.lifecycle_stage != "active" or parent.data.params != params:
        return False
    stages = experiment.search(f"tags.{PARENT} = '{parent.info.run_id}'")
    return all(
        run.info.status == "FINISHED" and run.data.tags.get("dvc.key") in origin.stages
        for run in stages
    )


def keep_one(experiment, runs):
    """Of several restored runs of one record, keep the oldest, whoever wrote them.

    Args:
        experiment: Experiment.
        runs: finished runs of the record.

    Returns:
        The runs that are left.
    """
    restored = [run for run in runs if run.data.tags.get("restored") == "true"]
    kept = min(restored, key=_age, default=None)
    for run in restored:
        if run is not kept:
            for output in run.outputs.model_outputs if run.outputs else ():
                found(experiment.client.delete_logged_model, output.model_id)
            found(experiment.client.delete_run, run.info.run_id)
    return [run for run in runs if run is kept or run not in restored]


def complete_parent(experiment, run, params=()):
    """Make the parent of a finished run if it is missing, or was deleted.

    Args:
        experiment: Experiment.
        run: Run.
        params: value of every parameter that the pipeline declares, by full name.

    Returns:
        Whether it was missing.
    """
    tags = run.data.tags
    parent = found(experiment.client.get_run, tags[PARENT])
    if parent is not None and parent.info.lifecycle_stage == "active":
        return False
    own = ("dvc.stage", "dvc.key", "dvc.dep.", "dvc.out.", "dvc.shown.", "mlflow.", "execution")
    origin = provenance.Provenance(
        name=run.info.run_name.partition(" · ")[2] or tags["execution"],
        execution=tags["execution"],
        tags={key: value for key, value in tags.items() if not key.startswith(own)},
        time=run.info.start_time,
        params=dict(params),
    )
    with experiment.locked():
        _make_parent(experiment, origin)
    gather(experiment, origin.execution)
    return True


def gather(experiment, execution):
    """Hang all stages of an execution below its oldest parent, and delete its other parents."""
    parents = _parents(experiment, execution)
    if not parents:
        return
    kept = parents[0].info.run_id
    for run in experiment.search(f"tags.execution = '{execution}' and tags.kind = 'stage'"):
        if run.data.tags[PARENT] != kept:
            experiment.client.set_tag(run.info.run_id, PARENT, kept)
    for parent in parents[1:]:
        found(experiment.client.delete_run, parent.info.run_id)


def close_abandoned(experiment):
    """Close the runs whose tracker is gone, so that none stays `RUNNING` for ever."""
    with experiment.locked():  # or the tracker of a next stage could take its parent over
        for run in experiment.search(f"attributes.status = '{RUNNING}'"):
            tracker = run.data.tags.get("tracker")
            if tracker and processes.is_gone(tracker) and _is_left(experiment, run, tracker):
                experiment.client.set_tag(run.info.run_id, "abandoned", "true")
                experiment.client.set_terminated(run.info.run_id, "KILLED")


def _is_left(experiment, run, tracker):
    """Whether a tracker that is gone left its run open: it may have closed it since then."""
    now = experiment.client.get_run(run.info.run_id)
    return now.info.status == RUNNING and now.data.tags["tracker"] == tracker


def _parent(experiment, origin):
    """The id of the run that stands for the pipeline's execution, made by its first stage."""
    with experiment.locked():
        parents = _parents(experiment, origin.execution)
        if not parents:
            _make_parent(experiment, origin)
            parents = _parents(experiment, origin.execution)
        elif "restored" not in origin.tags:
            experiment.client.update_run(parents[0].info.run_id, status=RUNNING)
            experiment.client.set_tag(parents[0].info.run_id, "tracker", _me())
        return parents[0].info.run_id


def _parents(experiment, execution):
    found = experiment.search(f"tags.execution = '{execution}' and tags.kind = 'pipeline'")
    return sorted(found, key=_age)


def _make_parent(experiment, origin):
    tags = origin.tags | {"execution": origin.execution, "kind": "pipeline", "tracker": _me()}
    tags["mlflow.source.name"] = FILE
    tags["mlflow.source.git.commit"] = origin.tags["git.commit"]
    tags["mlflow.note.content"] = f"No result yet. {about(tags)}"
    run = experiment.client.create_run(experiment.id, origin.time, tags, origin.name).info.run_id
    experiment.log(run, params=origin.params)
    if "restored" in origin.tags:
        try:
            finish(experiment, run)
        except StoreError:  # another host has made one, and has deleted this one
            if experiment.client.get_run(run).info.lifecycle_stage == "active":
                raise


def _age(run):
    return run.info.start_time, run.info.run_id


def _me():
    return processes.process_key(psutil.Process())
