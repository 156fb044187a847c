"""The process that logs a stage's run to MLflow: `python -m mnist_study.tracker`.

Standard input brings the stage's events as lines of JSON: `{"stage": name}` when its run begins,
`{"epoch": row}` after each epoch, and at the end `{"status": …, "seconds": …, "peak_memory_mb":
…}`. Standard output takes back such lines: `{}` for progress, `{"say": text}` for the user,
`{"warning": text}` when tracking has failed.
"""

import json
import os
import queue
import signal
import sys
import threading
from contextlib import suppress

from mnist_study.pipeline import record_from_workspace

END_OF_INPUT = {"status": "KILLED"}  # the stage died without a word


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the stage; its end is told here
    events: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(events,), daemon=True).start()
    try:
        _track(events)
    except Exception as error:  # whatever happens in a store must not reach the stage
        reason = " ".join(str(error).split()) or type(error).__name__
        _send(warning=reason[:300])


def _receive(events):
    """Take in events at once, so that the stage never waits for the store."""
    for line in sys.stdin:
        events.put(json.loads(line))
    events.put(END_OF_INPUT)


def _track(events):
    from mnist_study.mlflow_store import Store  # the stage may still be importing, too

    if (stage := events.get().get("stage")) is None:
        return  # it ended before its run began
    store = Store.connect(on_progress=_send, on_news=lambda text: _send(say=text))
    run = store.start(record_from_workspace(stage), process=os.getppid())
    logged_epochs = []
    while "epoch" in (event := events.get()):
        store.log_history(run, [event["epoch"]])
        logged_epochs.append(event["epoch"]["epoch"])
        _send()
    if event["status"] == "FINISHED":
        store.log_outputs(run, record_from_workspace(stage), logged_epochs=logged_epochs)
    store.end(run, **event)


def _send(**message):
    with suppress(BrokenPipeError):  # the stage was killed: its run is still to be closed
        print(json.dumps(message), file=_messages, flush=True)


if __name__ == "__main__":
    # Standard output is for messages alone: what libraries print goes where errors go.
    _messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    main()
    # All is written, and the stage waits: to take MLflow apart would take longer than to log.
    os._exit(0)
