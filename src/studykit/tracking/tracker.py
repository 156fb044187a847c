"""The process that logs to MLflow: `python -m studykit.tracking.tracker DVC ADDRESS`.

It is a companion of a DVC process, since to import MLflow and to open a store takes longer than to
log. Over its connection a stage sends its events as lines of JSON: `{"stage": name, "execution":
key, "folder": path, "environment": {…}}` when its run begins, `{"epoch": row}` after each epoch,
and at the end `{"status": …, "seconds": …, "peak_memory_mb": …}`. It is sent such lines: `{}` for
progress, `{"say": text}` for the user, and at last `{"done": true}`, or `{"warning": text}` when
tracking has failed. A stage that does not wait for that sends `{"leaves": true}`: one that ends
without it has been killed, and its run has not finished.
"""

import json
import os
import queue
import sys
import threading
from contextlib import suppress
from pathlib import Path

from studykit.records.stages import record_from_workspace
from studykit.warm import companions

END_OF_INPUT = {"status": "KILLED"}  # the stage died without a word


def main():
    dvc, address = sys.argv[1], Path(sys.argv[2])
    tracker = Tracker()
    for stage in companions.stages(dvc, address):
        tracker.serve(stage, address)


class Tracker:
    """Logs stages, one after another."""

    def __init__(self):
        self._store = None  # until a stage's run begins: a stage may end before

    def serve(self, stage, address):
        """Log what a stage tells; on failure, leave the next one to another tracker.

        Args:
            stage: socket, connected.
            address: Path, where stages find this tracker.
        """
        self._stage = stage
        events: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=_receive, args=(stage, events), daemon=True).start()
        try:
            self._track(events)
            self._send(done=True)
        except Exception as error:  # whatever happens in a store must not reach the stage
            address.unlink(missing_ok=True)
            reason = " ".join(str(error).split()) or type(error).__name__
            self._send(warning=reason[:300])

    def _track(self, events):
        if (begun := events.get()) == END_OF_INPUT:
            return
        os.environ.update(begun["environment"])
        os.chdir(begun["folder"])
        store = self._connect()
        run = store.start(record_from_workspace(begun["stage"]), execution=begun["execution"])
        logged_epochs = []
        while "epoch" in (event := events.get()):
            store.log_history(run, [event["epoch"]])
            logged_epochs.append(event["epoch"]["epoch"])
            self._send()
        if event["status"] == "FINISHED":
            record = record_from_workspace(begun["stage"])
            store.log_outputs(run, record, logged_epochs=logged_epochs)
            if not events.empty() and events.get() == END_OF_INPUT:
                event |= END_OF_INPUT
        store.end(run, **event)

    def _connect(self):
        if self._store is None:
            from studykit.tracking.store import Store  # the stage may still be importing, too

            self._store = Store.connect(
                on_progress=self._send, on_news=lambda text: self._send(say=text)
            )
        return self._store

    def _send(self, **message):
        with suppress(OSError):  # the stage was killed: its run is still to be closed
            self._stage.sendall(json.dumps(message).encode() + b"\n")


def _receive(stage, events):
    """Take in events at once, so that the stage never waits for the store."""
    with suppress(OSError), stage.makefile(encoding="utf-8") as lines:
        for line in lines:
            events.put(json.loads(line))
    events.put(END_OF_INPUT)


if __name__ == "__main__":
    main()
    # All is written: to take MLflow apart would take longer than to log.
    os._exit(0)
