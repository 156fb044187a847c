"""Processes that are started once for all stages that a DVC process runs. They only save time.

`companions` starts and finds them, `shared_tracker` is one, `fork_server` another, and `forking`
uses both for a stage. This folder and its hook in `studykit/start.py` can be deleted: then each
stage imports all it needs and has a tracker of its own.
"""
