"""Which runs a revision has and which revisions a run is; and who may say that a process ended."""

import json
import socket
import subprocess
import sys

import psutil
import pytest

from studykit import processes
from studykit.errors import UserError
from studykit.tracking import lineage
from tests.kit.hand_made import Written, origin, training
from tests.processes import wait_until


@pytest.fixture
def sleeper():
    """A process that ends when its standard input is closed."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def elsewhere(monkeypatch):
    """Function to let this process seem to run in another place than where it is."""

    def move(**parts):
        place = dict(zip(("machine", "boot", "namespace"), processes._place(), strict=True))
        monkeypatch.setattr(processes, "_place", lambda: tuple((place | parts).values()))

    return move


def test_a_process_that_nobody_has_buried_is_gone(sleeper):
    key = processes.process_key(psutil.Process(sleeper.pid))
    assert not processes.is_gone(key)
    sleeper.stdin.close()
    wait_until(lambda: processes.is_gone(key))
    sleeper.wait()
    assert processes.is_gone(key)


def test_a_process_is_the_same_when_the_hostname_changes(sleeper, monkeypatch):
    key = processes.process_key(psutil.Process(sleeper.pid))
    monkeypatch.setattr(socket, "gethostname", lambda: "laptop-at-another-net")
    assert not processes.is_gone(key)
    sleeper.stdin.close()
    sleeper.wait()
    assert processes.is_gone(key)


def test_of_a_process_in_another_pid_namespace_nothing_is_known(elsewhere):
    ended = processes.process_key(psutil.Process())
    ended = ended.rpartition(":")[0] + ":0.00"
    assert processes.is_gone(ended)
    elsewhere(namespace="4026532999")
    assert not processes.is_gone(ended)


def test_of_a_process_of_another_machine_nothing_is_known(elsewhere):
    key = processes.process_key(psutil.Process())
    elsewhere(machine="another", boot="another")
    assert not processes.is_gone(key)


def test_a_process_of_an_earlier_boot_of_this_machine_is_gone(elsewhere):
    elsewhere(machine="this", boot="earlier", namespace=processes.INITIAL_NAMESPACE)
    key = processes.process_key(psutil.Process())
    elsewhere(machine="this", boot="now", namespace=processes.INITIAL_NAMESPACE)
    assert processes.is_gone(key)


def test_of_an_earlier_boot_of_a_container_nothing_is_known(elsewhere):
    elsewhere(machine="one of the image's", boot="host a", namespace="4026532111")
    key = processes.process_key(psutil.Process())
    elsewhere(machine="one of the image's", boot="host b", namespace="4026532111")
    assert not processes.is_gone(key)


@pytest.mark.parametrize("key", ["a user's own", "host:1:2.00", ""])
def test_of_a_key_of_another_form_nothing_is_known(key):
    assert not processes.is_gone(key)


def test_to_read_a_store_makes_none(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    from studykit.tracking.store import Store

    store = Store.connect(read_only=True)
    assert store.find("0" * 32) == []
    with pytest.raises(UserError, match="expected the id of a run"):
        store.stages_of("0" * 32)
    assert list(tmp_path.iterdir()) == []


def test_to_read_a_store_makes_no_experiment(tiny):
    assert tiny.connect(read_only=True).find("0" * 32) == []
    assert tiny.written().experiment is None


def test_to_read_a_store_closes_no_run(tiny, monkeypatch):
    run = tiny.connect().start(training(tiny.files), execution="now")
    monkeypatch.setattr(processes, "is_gone", lambda key: True)
    tiny.connect(read_only=True)
    assert tiny.written().client.get_run(run).info.status == "RUNNING"
    tiny.connect()
    assert tiny.written().client.get_run(run).info.status == "KILLED"


def test_a_run_that_ends_while_others_look_for_abandoned_ones_stays_finished(tiny, monkeypatch):
    tiny.connect()
    client, experiment = tiny.written().client, tiny.written().experiment
    ended, abandoned = [
        client.create_run(experiment.experiment_id, tags={"tracker": tracker}).info.run_id
        for tracker in ("ends now", "killed")
    ]

    def is_gone(tracker):
        if tracker == "ends now":
            client.set_terminated(ended, "FINISHED")
        return True

    monkeypatch.setattr(processes, "is_gone", is_gone)
    tiny.connect()
    assert client.get_run(ended).info.status == "FINISHED"
    assert client.get_run(abandoned).info.status == "KILLED"


def test_a_run_knows_its_stage_and_a_pipelines_run_all_its_stages(tiny):
    store = tiny.connect()
    records = [training(tiny.files, model) for model in ("dense", "cnn")]
    for each in records:
        store.restore(each, origin())
    keys = {each.stage: each.key for each in records}
    assert store.stages_of(tiny.written().run("train_cnn").info.run_id) == {
        "train_cnn": keys["train_cnn"]
    }
    (parent,) = tiny.written().runs("pipeline")
    assert store.stages_of(parent.info.run_id) == keys


def test_a_run_of_the_users_own_is_refused(tiny):
    store = tiny.connect()
    experiment = tiny.written().experiment.experiment_id
    run = tiny.written().client.create_run(experiment).info.run_id
    with pytest.raises(UserError, match="expected the run of a stage"):
        store.stages_of(run)


def test_lineage_goes_both_ways(study):
    study("mnist-study sync")
    study.commit("results")
    stages = json.loads(study("mnist-study lineage HEAD --json").stdout)
    names = [row["stage"] for row in stages]
    assert names.index("fetch") < names.index("preprocess") < names.index("train_cnn")
    (run,) = {row["stage"]: row for row in stages}["train_cnn"]["runs"]
    written = Written(f"sqlite:///{study.root}/mlflow.db", "mnist-study")
    assert run == written.run("train_cnn").info.run_id
    back = json.loads(study(f"mnist-study lineage {run} --json").stdout)
    commit = study("git rev-parse --short=7 HEAD").stdout.strip()
    assert back == [{"stage": "train_cnn", "revisions": ["workspace", f"main ({commit})"]}]


def test_a_revision_without_runs_has_none_in_the_table(capsys):
    lineage.print_table([{"stage": "train", "outs": {"a": "1"}, "runs": []}])
    assert capsys.readouterr().out == "train         none\n                1  a\n"
