"""The process that logs a stage to MLflow: `python -m studykit.tracking.tracker`.

Its standard input is a connection to the stage, which sends its events as lines of JSON:
- `{"stage": name, "execution": key, "folder": path, "environment": {…}, "fingerprint": {…}}` when
  its run begins;
- `{"epoch": row}` after each epoch;
- `{"outputs": "written"}` when they are;
- `{"status": …, "seconds": …, "peak_memory_mb": …}` at the end. A stage that ends without a status
  has been killed.

The stage is sent such lines, too:
- `{}` for progress, and `{"say": text}` for the user;
- `{"logged": true}` when its outputs are, and `{"done": true}` at last;
- `{"warning": text}` instead when tracking has failed.
"""

import json
import os
import queue
import socket
import tempfile
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from studykit.records.revisions import WORKSPACE, resolve
from studykit.records.stages import record_from_workspace, records, upstream
from studykit.tracking.fingerprint import Fingerprint
from studykit.tracking.refusals import say_refusal

END_OF_INPUT = {"status": "KILLED"}  # the stage died without a word


def main():
    """Log the stage that standard input is connected to."""
    with socket.socket(fileno=os.dup(0)) as stage:
        Tracker().serve(stage)


class Tracker:
    """Logs stages, one after another, with one connection to the store."""

    def __init__(self):
        self._store = None  # until a stage's run begins: a stage may end before

    def serve(self, stage):
        """Log what a stage tells.

        Args:
            stage: socket, connected.

        Returns:
            Whether all went well: if not, the next stage is better off with another tracker.
        """
        self._stage = stage
        events: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=_receive, args=(stage, events), daemon=True).start()
        try:
            self._track(events)
        except Exception as error:  # whatever happens in a store must not reach the stage
            self._send(warning=say_refusal(error)[:500])
            return False
        self._send(done=True)
        return True

    def _track(self, events):
        if (begun := events.get()) == END_OF_INPUT:
            return
        os.environ.update(begun["environment"])
        os.chdir(begun["folder"])
        store = self._connect()
        record = _record(begun)
        run = store.start(record, execution=begun["execution"])
        logged_epochs = []
        while "epoch" in (event := events.get()):
            store.log_history(run, [event["epoch"]])
            logged_epochs.append(event["epoch"]["epoch"])
            self._send()
        if "outputs" in event:
            written = replace(_record(begun), values=record.values)
            with tempfile.TemporaryDirectory() as folder:
                locked = records(resolve(WORKSPACE), Path(folder))
                rests_on = upstream(written, locked)
                store.log_outputs(run, written, upstream=rests_on, logged_epochs=logged_epochs)
            self._send(logged=True)
            event = events.get()
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


def _record(begun):
    """The stage as it is in the workspace, with the inputs and parameters that it began with."""
    record = record_from_workspace(begun["stage"])
    if begun["fingerprint"] is None:
        return record
    return Fingerprint(**begun["fingerprint"]).amend(record)


def _receive(stage, events):
    """Take in events at once, so that the stage never waits for the store."""
    with suppress(OSError, ValueError), stage.makefile(encoding="utf-8") as lines:
        for line in lines:
            events.put(json.loads(line))
    events.put(END_OF_INPUT)


if __name__ == "__main__":
    main()
    # All is written: to take MLflow apart would take longer than to log.
    os._exit(0)
