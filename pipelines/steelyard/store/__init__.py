"""Run directories: claimed ids, stage outcomes that publish a stage's output, and small files on any store.

The store needs only one kind of atomicity: that a small object is there whole or not at all. In runs nothing is
renamed. A stage writes what it makes under a folder that carries its attempt, and becomes real with its last write, the
outcome `stages/<stage>.json`. What isn't named there doesn't exist for readers.
"""

from steelyard.store._folder import Folder, is_temporary
from steelyard.store._json import dumps, signed, to_json, verified
from steelyard.store._outcome import Outcome, new_token, now
from steelyard.store._published import Published
from steelyard.store._run import RunDir, RunExistsError
from steelyard.store._store import RUN_ID, Store, open_run

__all__ = [
    "RUN_ID",
    "Folder",
    "Outcome",
    "Published",
    "RunDir",
    "RunExistsError",
    "Store",
    "dumps",
    "is_temporary",
    "new_token",
    "now",
    "open_run",
    "signed",
    "to_json",
    "verified",
]
